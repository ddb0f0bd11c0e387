import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as startTls } from "node:tls";
import type { Access } from "#application/ports/access.ts";
import type { Probe } from "#application/ports/probe.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { Exchange, probeFailure, runExchange, type Phases } from "./exchange.ts";
import {
  errorFields,
  parseMessage,
  passwordMessage,
  passwordText,
  queryMessage,
  saslInitial,
  sslRequest,
  startupMessage,
  terminateMessage,
  type BackendMessage,
} from "./postgres-wire.ts";
import { ScramClient } from "./scram.ts";

type Config = HealthCheckOf<"postgres">["config"];

/** By SQLSTATE (documentation, appendix "Error Codes"); any other one is an unhealthy application. */
const codeBySqlState: Readonly<Record<string, { readonly code: ErrorCode; readonly message: string }>> = {
  "28P01": { code: "application_auth_failed", message: "PostgreSQL does not take the password" },
  "28000": { code: "application_auth_failed", message: "PostgreSQL does not let this user in" },
  "3D000": { code: "database_missing", message: "there is no such database" },
  "53300": { code: "too_many_connections", message: "PostgreSQL has no connection left" },
  "57P03": { code: "application_unhealthy", message: "PostgreSQL is starting or shutting down" },
};

/** The start-up, as far as the credentials reach: with them the query, without the server's request for them is the proof. */
export const postgresProbe: Probe<"postgres"> = {
  run: ({ config }, path, { signal, access }) =>
    runExchange(path, signal, async (plain, phases) => {
      using exchange = await afterSslRequest(plain, config, signal, phases);
      exchange.write(startupMessage(config.user, config.database));
      const authenticated = await authenticate(exchange, config, access, signal);
      phases.done("auth");
      if (!authenticated) return { by: "postgres start-up" };
      await runQuery(exchange, config.query);
      phases.done("query");
      exchange.write(terminateMessage());
      return { by: `postgres ${config.query}` };
    }),
};

/** Asks for TLS where the mode wants it (`S` yes, `N` no, one byte). */
async function afterSslRequest(
  plain: Exchange,
  { sslmode }: Config,
  signal: AbortSignal,
  phases: Phases,
): Promise<Exchange> {
  if (sslmode === "disable" || sslmode === "allow") return plain;
  plain.write(sslRequest());
  const answer = await plain.read((received) => (received.length > 0 ? received.subarray(0, 1).toString() : undefined));
  if (answer === "S") {
    plain.take(1);
    const strict = sslmode === "verify-ca" || sslmode === "verify-full";
    const socket = startTls({ socket: plain.stream, rejectUnauthorized: strict });
    await once(socket, "secureConnect", { signal });
    phases.done("tls");
    return new Exchange(socket, signal);
  }
  if (answer !== "N") throw probeFailure("protocol_mismatch", "what answers is not PostgreSQL", {}, plain.received);
  plain.take(1);
  if (sslmode !== "prefer")
    throw probeFailure("protocol_mismatch", `PostgreSQL offers no TLS, and sslmode is ${sslmode}`, { sslmode });
  return plain;
}

async function nextMessage(exchange: Exchange): Promise<BackendMessage> {
  const message = await exchange.read(parseMessage);
  if (message === "garbage")
    throw probeFailure("protocol_mismatch", "what answers is not PostgreSQL", {}, exchange.received);
  const taken = { ...message, payload: Buffer.from(message.payload) };
  exchange.take(message.size);
  if (taken.type === "E") throw serverError(taken.payload);
  return taken;
}

function serverError(payload: Buffer): Error {
  const fields = errorFields(payload);
  const sqlstate = /^[0-9A-Z]{5}$/.exec(fields.get("C") ?? "")?.[0] ?? "unknown";
  const { code, message } = codeBySqlState[sqlstate] ?? {
    code: "application_unhealthy" as const,
    message: `PostgreSQL answers with an error (${sqlstate})`,
  };
  return probeFailure(code, message, { sqlstate }, fields.get("M"));
}

/** Authentication requests by number: 0 done, 3 clear text, 5 MD5, 10 SASL, 11 its challenge, 12 its end. */
async function authenticate(exchange: Exchange, config: Config, access: Access, signal: AbortSignal): Promise<boolean> {
  const password = config.password === undefined ? undefined : await access.resolve(config.password, signal);
  let scram: ScramClient | undefined;
  for (;;) {
    const { type, payload } = await nextMessage(exchange);
    if (type !== "R" || payload.length < 4)
      throw probeFailure("protocol_mismatch", "what answers is not PostgreSQL", {}, payload);
    const request = payload.readInt32BE(0);
    if (request === 0) return true;
    if (password === undefined) return false;
    if (request === 3) exchange.write(passwordMessage(passwordText(password)));
    else if (request === 5)
      exchange.write(passwordMessage(passwordText(md5Answer(config.user, password, payload.subarray(4, 8)))));
    else if (request === 10) {
      scram = new ScramClient(password);
      exchange.write(passwordMessage(saslInitial("SCRAM-SHA-256", scram.firstMessage)));
    } else if (request === 11 && scram) {
      const final = await scram.finalMessage(payload.subarray(4).toString());
      if (final === undefined) throw probeFailure("protocol_mismatch", "the server's SCRAM challenge is not valid");
      exchange.write(passwordMessage(Buffer.from(final)));
    } else if (request === 12 && scram) {
      if (!scram.verifies(payload.subarray(4).toString()))
        throw probeFailure("application_auth_failed", "the server does not know the password itself");
    } else
      throw probeFailure(
        "not_supported",
        `PostgreSQL asks for a login of kind ${request}, which the check does not speak`,
        { request },
      );
  }
}

function md5Answer(user: string, password: string, salt: Buffer): string {
  const md5 = (data: string | Buffer): string => createHash("md5").update(data).digest("hex");
  return `md5${md5(Buffer.concat([Buffer.from(md5(password + user)), salt]))}`;
}

/** Until ReadyForQuery, twice: after the login and after the query. */
async function runQuery(exchange: Exchange, sql: string): Promise<void> {
  while ((await nextMessage(exchange)).type !== "Z");
  exchange.write(queryMessage(sql));
  while ((await nextMessage(exchange)).type !== "Z");
}
