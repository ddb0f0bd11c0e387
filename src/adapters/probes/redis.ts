import type { Probe } from "#application/ports/probe.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { beginLogin } from "./begin-login.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

const longestLine = 4096;
/** It has no word of its own. */
const isFull = /^-ERR max number of clients/;
const longestBulk = 64 * 1024;

/** Error words (RESP, "simple errors") that mean something other than "ill". */
const codeOf: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  NOAUTH: ["application_auth_failed", "Redis wants a password"],
  WRONGPASS: ["application_auth_failed", "Redis refused the user name or password"],
  NOPERM: ["application_auth_failed", "this Redis user may not PING"],
  DENIED: ["application_auth_failed", "Redis takes connections from its own machine only (protected mode)"],
  LOADING: ["application_unhealthy", "Redis is still loading its data"],
  MASTERDOWN: ["application_unhealthy", "this Redis replica has lost its primary"],
  BUSY: ["application_unhealthy", "Redis is busy with a script"],
};

/** `AUTH` when there is a password, then `PING` and, for a cluster, its state, in RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/). */
export const redisProbe: Probe<"redis"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async (exchange) => {
      const { password, conversation, certificate: facts } = await beginLogin(config, path, context, exchange);
      const { phases } = exchange;
      if (password !== undefined) {
        const user = config.username === undefined ? [] : [config.username];
        await authenticate(conversation, [...user, password]);
        phases.mark("auth");
      }
      conversation.send(command("PING"));
      await simpleReply(conversation, "PONG");
      if (!config.cluster) return { by: "redis PING", facts };
      conversation.send(command("CLUSTER", "INFO"));
      const state = clusterState(await bulkReply(conversation));
      if (state !== "ok")
        throw failure("application_unhealthy", "the Redis cluster as a whole is not well", {
          ...facts,
          cluster: state,
        });
      return { by: "redis CLUSTER INFO", facts: { ...facts, cluster: state } };
    }),
};

const clusterState = (info: string): string => /^cluster_state:(\w{1,20})\r?$/m.exec(info)?.[1] ?? "unknown";

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

async function authenticate(conversation: Conversation, words: string[]): Promise<void> {
  conversation.send(command("AUTH", ...words));
  await simpleReply(conversation, "OK", (text) =>
    // A server without a password lets everybody in: nothing failed.
    /without any password|no password is set/i.test(text),
  );
}

/** Reads one reply, which must be the simple string; an error is thrown as what it means. */
async function simpleReply(
  conversation: Conversation,
  expected: string,
  tolerated: (error: string) => boolean = () => false,
): Promise<void> {
  const first = await conversation.first();
  if (first[0] !== 0x2b && first[0] !== 0x2d) throw notThisProtocol("redis", first);
  const line = await conversation.line(longestLine);
  const text = line?.toString("latin1") ?? "";
  if (text === `+${expected}`) return;
  if (!line || text.startsWith("+")) throw notThisProtocol("redis", line ?? conversation.held);
  if (!tolerated(text)) throw redisError(text);
}

/** Reads one bulk string (`CLUSTER INFO`); a server that is no part of a cluster answers with an error. */
async function bulkReply(conversation: Conversation): Promise<string> {
  const line = (await conversation.line(longestLine))?.toString("latin1") ?? "";
  if (/^-ERR This instance has cluster support disabled/.test(line))
    throw failure("protocol_mismatch", "this Redis is no part of a cluster", { expected: "redis cluster" });
  if (line.startsWith("-")) throw redisError(line);
  const length = Number(/^[$=](\d{1,6})$/.exec(line)?.[1] ?? Number.NaN);
  if (!(length <= longestBulk)) throw notThisProtocol("redis", Buffer.from(line, "latin1"));
  return (await conversation.read(length + 2)).toString("latin1");
}

function redisError(text: string): ConnectivityError {
  if (isFull.test(text)) return failure("too_many_connections", "Redis has no free connection", {}, text);
  const word = /^-([A-Z]+)/.exec(text)?.[1] ?? "";
  // Before version 6 a wrong password had no word of its own.
  const [code, message] =
    codeOf[/^-ERR invalid password/.test(text) ? "WRONGPASS" : word] ??
    (["application_unhealthy", "Redis answered with an error"] as const);
  return failure(code, message, {}, text);
}
