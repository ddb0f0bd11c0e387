import type { Conversation } from "./conversation.ts";
import { notThisProtocol } from "./failures.ts";

/** A message of the server's (PostgreSQL documentation, "Message Formats"). */
export interface Message {
  /** One letter. */
  readonly type: string;
  readonly body: Buffer;
}

/** Longer ones do not come in this exchange: it is not PostgreSQL, or a row that nobody needs. */
const longestMessage = 128 * 1024;

export async function readMessage(conversation: Conversation): Promise<Message> {
  const first = await conversation.first();
  if (!/[A-Za-z]/.test(String.fromCodePoint(first[0] ?? 0))) throw notThisProtocol("postgres", first);
  const head = await conversation.read(5);
  const length = head.readInt32BE(1);
  if (length < 4 || length > longestMessage)
    throw notThisProtocol("postgres", Buffer.concat([head, conversation.held]));
  return { type: head.toString("latin1", 0, 1), body: await conversation.read(length - 4) };
}

const withLength = (body: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([length, body]);
};

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

export const message = (type: string, ...parts: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(type, "latin1"), withLength(Buffer.concat(parts))]);

export const sslRequest = withLength(int32(80_877_103));

export const startUp = (user: string, database: string): Buffer =>
  withLength(
    Buffer.concat([
      int32(196_608),
      ...["user", user, "database", database, "application_name", "portwright", "client_encoding", "UTF8"].map(text),
      Buffer.alloc(1),
    ]),
  );

/** `SASLInitialResponse`: mechanism, then the length and the bytes of the first message. */
export const saslInitial = (mechanism: string, first: string): Buffer =>
  message("p", text(mechanism), int32(Buffer.byteLength(first)), Buffer.from(first));

/** Fields of an `ErrorResponse`, by their letters: `C` is the SQLSTATE, `M` the message. */
export function errorFields(body: Buffer): Readonly<Record<string, string>> {
  const fields = body
    .toString("utf8")
    .split("\0")
    .filter((field) => field !== "");
  return Object.fromEntries(fields.map((field) => [field.slice(0, 1), field.slice(1)]));
}
