import { randomInt } from "node:crypto";
import type { Probe } from "#application/ports/probe.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

const types = { A: 1, NS: 2, CNAME: 5, MX: 15, TXT: 16, AAAA: 28, SRV: 33 } as const;
const internet = 1;
const recursionDesired = 0x0100;
/** Names of response codes (RFC 1035, 4.1.1). */
const codes = ["no_error", "format_error", "server_failure", "name_error", "not_implemented", "refused"] as const;

/**
 * One question over TCP (RFC 1035, 4.2.2; RFC 7766). Without a name any answer to a question about the root proves that
 * a name server is there; with one it must have an answer.
 */
export const dnsProbe: Probe<"dns"> = {
  run: ({ config }, path, { signal }) =>
    runExchange(path, signal, "protocol_mismatch", async ({ converse }) => {
      const id = randomInt(0x10000);
      const conversation = await converse();
      const question = query(id, config.name ?? "", types[config.name === undefined ? "NS" : config.record]);
      conversation.send(question);
      const length = (await conversation.read(2)).readUInt16BE(0);
      if (length < 12) throw notThisProtocol("dns", conversation.held);
      const head = await conversation.read(12);
      const flags = head.readUInt16BE(2);
      const isAnswer = head.readUInt16BE(0) === id && (flags & 0x8000) !== 0 && head.readUInt16BE(4) <= 1;
      if (!isAnswer) throw notThisProtocol("dns", Buffer.concat([head, conversation.held]));
      await conversation.read(length - 12);
      const response = codes[flags & 0x000f] ?? "other";
      const answers = head.readUInt16BE(6);
      const facts = { response, answers };
      if (config.name === undefined) return { by: "dns answer", facts };
      if (response === "name_error") throw failure("check_path_missing", "the name server knows no such name", facts);
      if (response !== "no_error")
        throw failure("application_unhealthy", "the name server could not answer the question", facts);
      if (answers === 0)
        throw failure("check_path_missing", "the name has no record of this type", { ...facts, record: config.record });
      return { by: `dns ${config.record}`, facts };
    }),
};

/** A question with its length in front. */
function query(id: number, name: string, type: number): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  const encoded = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")]));
  const fields = [id, recursionDesired, 1, 0, 0, 0];
  const head = Buffer.alloc(12);
  for (const [index, value] of fields.entries()) head.writeUInt16BE(value, 2 * index);
  const tail = Buffer.from([0, 0, type, 0, internet]);
  const message = Buffer.concat([head, ...encoded, tail]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
