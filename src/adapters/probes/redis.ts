import type { Probe } from "#application/ports/probe.ts";
import { connect as startTls } from "node:tls";
import { once } from "node:events";
import { Exchange, probeFailure, runExchange, type Phases } from "./exchange.ts";

/** One RESP command as an array of bulk strings (RESP2). */
function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/** The first line of a RESP answer, without its end. */
function firstLine(received: Buffer): string | undefined {
  const end = received.indexOf("\r\n");
  return end < 0 ? undefined : received.subarray(0, end).toString("latin1");
}

/** PING, after AUTH where a password is given. */
export const redisProbe: Probe<"redis"> = {
  run: ({ config }, path, { signal, access }) =>
    runExchange(path, signal, async (plain, phases) => {
      using exchange = config.tls ? await encrypted(plain, signal, phases) : plain;
      if (config.password !== undefined) {
        const password = await access.resolve(config.password, signal);
        const words = config.username === undefined ? ["AUTH", password] : ["AUTH", config.username, password];
        await ask(exchange, command(...words), "+OK");
        phases.done("auth");
      }
      await ask(exchange, command("PING"), "+PONG");
      phases.done("first_byte");
      return { by: "redis PING" };
    }),
};

async function encrypted(plain: Exchange, signal: AbortSignal, phases: Phases): Promise<Exchange> {
  const socket = startTls({ socket: plain.stream, rejectUnauthorized: false });
  await once(socket, "secureConnect", { signal });
  phases.done("tls");
  return new Exchange(socket, signal);
}

async function ask(exchange: Exchange, words: string, wanted: string): Promise<void> {
  exchange.write(words);
  const line = await exchange.read((received) => {
    // Anything else than the start of a RESP answer will not become one by waiting for a line.
    if (received.length > 0 && !"+-:$*".includes(String.fromCharCode(received[0] ?? 0)))
      return received.toString("latin1");
    return firstLine(received);
  });
  if (line === wanted) {
    exchange.take(line.length + 2);
    return;
  }
  if (/^-(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid password|ERR Client sent AUTH)/.test(line)) {
    throw probeFailure("application_auth_failed", "Redis does not take the credentials", { error: word(line) }, line);
  }
  if (/^-[A-Z]+ /.test(line)) {
    throw probeFailure("application_unhealthy", `Redis answers ${word(line)}`, { error: word(line) }, line);
  }
  throw probeFailure("protocol_mismatch", "what answers is not Redis", {}, line);
}

/** The error's own name: one word in capitals, as RESP has it. */
const word = (line: string): string => /^-([A-Z]{1,20})/.exec(line)?.[1] ?? "an error";
