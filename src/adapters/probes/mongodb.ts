import type { Probe } from "#application/ports/probe.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { beginLogin } from "./begin-login.ts";
import { type BsonDocument, decodeBson, encodeBson } from "./bson.ts";
import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";
import { Scram } from "./scram.ts";

const opMsg = 2013;
const opReply = 1;
const longestAnswer = 1024 * 1024;

/** Error codes (https://www.mongodb.com/docs/manual/reference/error-codes/) that mean something other than "ill". */
const unknownCommand = 59;
const codeOf: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  13: ["application_auth_failed", "this MongoDB user may not do what the check does"],
  18: ["application_auth_failed", "MongoDB refused the user or the password"],
  11: ["application_auth_failed", "MongoDB has no such user"],
  334: ["application_auth_failed", "MongoDB does not let this user log in by SCRAM-SHA-256"],
  91: ["application_unhealthy", "MongoDB is shutting down"],
};

/**
 * `hello` in an OP_MSG (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/), or `isMaster` where it is
 * not known (before 4.4.2); with a password a login by SCRAM-SHA-256; with a database a look whether it is there.
 */
export const mongodbProbe: Probe<"mongodb"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async (exchange) => {
      const { password, conversation, certificate } = await beginLogin(config, path, context, exchange);
      const { phases } = exchange;
      const commands = new Commands(conversation);
      const hello = await commands.hello();
      const wire = hello["maxWireVersion"];
      const facts = { ...certificate, ...(typeof wire === "number" && { wire_version: wire }) };
      if (password !== undefined) {
        await logIn(commands, config.user ?? "", password, config.auth_source);
        phases.mark("auth");
      }
      if (config.database === undefined)
        return { by: password === undefined ? "mongodb hello" : "mongodb login", facts };
      const listed = await commands.run("admin", {
        listDatabases: 1,
        filter: { name: config.database },
        nameOnly: true,
      });
      const names = Object.values((listed["databases"] as BsonDocument | null) ?? {});
      const found = names.some((one) => (one as BsonDocument | null)?.["name"] === config.database);
      if (!found) throw failure("database_missing", "MongoDB has no such database", facts);
      return { by: "mongodb listDatabases", facts };
    }),
};

/** SASL in two rounds, the empty third one left out (https://github.com/mongodb/specifications, "auth"). */
async function logIn(commands: Commands, user: string, password: string, source: string): Promise<void> {
  const scram = new Scram(password, { user });
  const started = await commands.run(source, {
    saslStart: 1,
    mechanism: "SCRAM-SHA-256",
    payload: Buffer.from(scram.first),
    options: { skipEmptyExchange: true },
  });
  const final = await scram.final(textOf(started["payload"]));
  if (final === undefined) throw notThisProtocol("mongodb", Buffer.from(textOf(started["payload"])));
  const conversationId = started["conversationId"] ?? 1;
  const ended = await commands.run(source, { saslContinue: 1, conversationId, payload: Buffer.from(final) });
  scram.expectProof(textOf(ended["payload"]));
}

const textOf = (payload: BsonDocument[string] | undefined): string =>
  Buffer.isBuffer(payload) ? payload.toString("utf8") : "";

class Commands {
  readonly #conversation: Conversation;
  #lastId = 0;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  async hello(): Promise<BsonDocument> {
    const answer = await this.#ask("admin", { hello: 1 });
    if (answer["ok"] === 1) return answer;
    if (answer["code"] !== unknownCommand && answer["code"] !== undefined) throw commandError(answer);
    return this.run("admin", { isMaster: 1 });
  }

  async run(database: string, command: BsonDocument): Promise<BsonDocument> {
    const answer = await this.#ask(database, command);
    if (answer["ok"] !== 1) throw commandError(answer);
    return answer;
  }

  async #ask(database: string, command: BsonDocument): Promise<BsonDocument> {
    const id = ++this.#lastId;
    const body = Buffer.concat([Buffer.alloc(5), encodeBson({ ...command, $db: database })]);
    const head = Buffer.alloc(16);
    for (const [index, value] of [16 + body.length, id, 0, opMsg].entries()) head.writeInt32LE(value, 4 * index);
    this.#conversation.send(Buffer.concat([head, body]));
    const answered = await this.#conversation.read(16);
    const length = answered.readInt32LE(0);
    const opcode = answered.readInt32LE(12);
    const fits = length > 21 && length <= longestAnswer && answered.readInt32LE(8) === id;
    if (!fits || (opcode !== opMsg && opcode !== opReply)) throw this.#mismatch(answered);
    const content = await this.#conversation.read(length - 16);
    // OP_MSG: flags and the kind of its one section; OP_REPLY, of a server that does not know OP_MSG: flags, cursor, counts.
    const document = decodeBson(content.subarray(opcode === opMsg ? 5 : 20));
    if (!document) throw this.#mismatch(content);
    return document;
  }

  #mismatch(said: Buffer): ConnectivityError {
    return notThisProtocol("mongodb", Buffer.concat([said, this.#conversation.held]));
  }
}

function commandError(answer: BsonDocument): ConnectivityError {
  const number = Number(answer["code"] ?? 0);
  const [code, message] = codeOf[number] ?? ["application_unhealthy", "MongoDB answered with an error"];
  const said = answer["errmsg"];
  return failure(code, message, { mongodb_error: number }, typeof said === "string" ? said : "");
}
