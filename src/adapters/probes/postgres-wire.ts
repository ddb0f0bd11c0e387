/**
 * The few messages of PostgreSQL's protocol 3.0 that a check needs (documentation, "Message Formats"): big endian, a
 * type byte, a length that counts itself, a payload.
 */

export interface BackendMessage {
  readonly type: string;
  readonly payload: Buffer;
  /** Bytes that it took, type and length included. */
  readonly size: number;
}

const protocolVersion = 196_608;
const sslRequestCode = 80_877_103;
const largestMessage = 64 * 1024;

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);

function frame(type: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(payload.length + 4);
  return Buffer.concat([Buffer.from(type), head, payload]);
}

export function sslRequest(): Buffer {
  const message = Buffer.alloc(8);
  message.writeInt32BE(8, 0);
  message.writeInt32BE(sslRequestCode, 4);
  return message;
}

export function startupMessage(user: string, database: string): Buffer {
  const version = Buffer.alloc(4);
  version.writeInt32BE(protocolVersion);
  const pairs = ["user", user, "database", database, "application_name", "portwright"].map(cstring);
  return frame("", Buffer.concat([version, ...pairs, Buffer.from([0])]));
}

/** A password, an MD5 digest, or a SASL answer: all are message `p`. */
export const passwordMessage = (payload: Buffer): Buffer => frame("p", payload);
export const passwordText = (password: string): Buffer => cstring(password);

export function saslInitial(mechanism: string, first: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(Buffer.byteLength(first));
  return Buffer.concat([cstring(mechanism), length, Buffer.from(first)]);
}

export const queryMessage = (sql: string): Buffer => frame("Q", cstring(sql));
export const terminateMessage = (): Buffer => frame("X", Buffer.alloc(0));

/** The first whole message of what was received; `"garbage"` when it cannot be one. */
export function parseMessage(received: Buffer): BackendMessage | "garbage" | undefined {
  if (received.length === 0) return undefined;
  const type = String.fromCharCode(received[0] ?? 0);
  if (!/[A-Za-z1-9]/.test(type)) return "garbage";
  if (received.length < 5) return undefined;
  const length = received.readInt32BE(1);
  if (length < 4 || length > largestMessage) return "garbage";
  if (received.length < length + 1) return undefined;
  return { type, payload: received.subarray(5, length + 1), size: length + 1 };
}

/** Fields of an ErrorResponse by their letter: `C` the SQLSTATE, `M` the message (text from outside). */
export function errorFields(payload: Buffer): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const field of payload.toString("utf8").split("\0"))
    if (field.length > 1) fields.set(field.slice(0, 1), field.slice(1));
  return fields;
}
