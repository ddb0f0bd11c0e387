import { createHash } from "node:crypto";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { errorFields, message, readMessage, saslInitial, text, type Message } from "./postgres-messages.ts";
import { Scram } from "./scram.ts";

/** Classes of SQLSTATE that say what to do (PostgreSQL documentation, appendix A). */
const codeOf: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "28P01": ["application_auth_failed", "PostgreSQL refused the user or the password"],
  "28000": ["application_auth_failed", "PostgreSQL does not let this user in from here"],
  "42501": ["application_auth_failed", "PostgreSQL lets this user in, but not do this"],
  "3D000": ["database_missing", "PostgreSQL has no such database"],
  "53300": ["too_many_connections", "PostgreSQL has no free connection"],
  "57P03": ["application_unhealthy", "PostgreSQL is starting up or shutting down"],
};

/** What an `ErrorResponse` means. */
export function serverError(body: Buffer): ConnectivityError {
  const { C: sqlstate = "", M: said = "" } = errorFields(body);
  const known = /^[0-9A-Z]{5}$/.test(sqlstate);
  const [code, sentence] = codeOf[sqlstate] ?? ["application_unhealthy", "PostgreSQL answered with an error"];
  return failure(code, sentence, known ? { sqlstate } : {}, said);
}

/**
 * Answers the server's requests until it lets us in. `unproven`: it asked for something that cannot be given (no
 * password, or Kerberos): PostgreSQL is there, and more cannot be shown.
 */
export async function authenticate(
  conversation: Conversation,
  user: string,
  password: string | undefined,
): Promise<"admitted" | "unproven"> {
  let scram: Scram | undefined;
  for (;;) {
    const reply = await readMessage(conversation);
    if (reply.type === "E") throw serverError(reply.body);
    if (reply.type === "N") continue;
    if (reply.type !== "R" || reply.body.length < 4) throw notThisProtocol("postgres", raw(reply));
    const request = reply.body.readInt32BE(0);
    const data = reply.body.subarray(4);
    if (request === 0) return "admitted";
    if (password === undefined) return "unproven";
    switch (request) {
      case 3:
        conversation.send(message("p", text(password)));
        break;
      case 5:
        conversation.send(message("p", text(md5Answer(user, password, data.subarray(0, 4)))));
        break;
      case 10:
        if (!data.toString("latin1").split("\0").includes("SCRAM-SHA-256")) return "unproven";
        scram = new Scram(password);
        conversation.send(saslInitial("SCRAM-SHA-256", scram.first));
        break;
      case 11: {
        const final = await scram?.final(data.toString("utf8"));
        if (final === undefined) throw notThisProtocol("postgres", raw(reply));
        conversation.send(message("p", Buffer.from(final)));
        break;
      }
      case 12:
        // Without an exchange before there is no proof either.
        (scram ?? new Scram(password)).expectProof(data.toString("utf8"));
        break;
      default:
        return "unproven";
    }
  }
}

const raw = ({ type, body }: Message): Buffer => Buffer.concat([Buffer.from(type), body]);

const md5 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash("md5");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

const md5Answer = (user: string, password: string, salt: Buffer): string =>
  `md5${md5(Buffer.from(md5(password, user)), salt)}`;
