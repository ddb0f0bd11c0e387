import type { Probe } from "#application/ports/probe.ts";
import { notThisProtocol } from "./failures.ts";
import { looksLike } from "./looks-like.ts";
import { runExchange } from "./run-exchange.ts";

const identification = "SSH-2.0-portwright_check\r\n";
/** A server may say so many lines before it identifies itself (RFC 4253, 4.2), each so long. */
const mostLines = 20;
const longestLine = 255;
const largestPacket = 35_000;
const kexInit = 20;

/** Identification, then the server's offer of a key exchange (RFC 4253, 4.2 and 7.1); no login. */
export const sshProbe: Probe<"ssh"> = {
  run: (_check, path, { signal }) =>
    runExchange(path, signal, "protocol_mismatch", async ({ converse }) => {
      const conversation = await converse();
      conversation.send(identification);
      let version: string | undefined;
      for (let line = 0; line < mostLines && version === undefined; line++) {
        const said = (await conversation.line(longestLine)) ?? conversation.held;
        version = /^SSH-(\d\.\d+)-/.exec(said.toString("latin1"))?.[1];
        const isText = said.every((byte) => byte >= 0x20 || byte === 0x09);
        if (version === undefined && (!isText || looksLike(said) !== undefined)) throw notThisProtocol("ssh", said);
      }
      if (version !== "2.0" && version !== "1.99") throw notThisProtocol("ssh", conversation.held);
      const head = await conversation.read(6);
      const length = head.readUInt32BE(0);
      if (length < 12 || length > largestPacket || head[5] !== kexInit) throw notThisProtocol("ssh", head);
      await conversation.read(length - 2);
      return { by: "ssh key exchange", facts: { protocol: version } };
    }),
};
