import { randomBytes } from "node:crypto";

export const opcode = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

const noKey = Buffer.alloc(4);

/**
 * The header of a client's final frame (RFC 6455, section 5.2) with its masking key at the end.
 * @param key four bytes; all zero is legal framing and leaves the payload as it is
 */
export function frameHeader(type: number, length: number, key: Buffer = noKey): Buffer {
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.allocUnsafe(2 + extended + 4);
  header.writeUInt8(0x80 | type, 0);
  header.writeUInt8(0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127), 1);
  if (extended === 2) header.writeUInt16BE(length, 2);
  else if (extended === 8) header.writeBigUInt64BE(BigInt(length), 2);
  key.copy(header, 2 + extended);
  return header;
}

/** A fresh masking key: on a connection without TLS the key must be unpredictable (RFC 6455, section 10.3). */
export const maskingKey = (): Buffer => randomBytes(4);

/** The payload under a key, as a copy. */
export function masked(payload: Buffer, key: Buffer): Buffer {
  const result = Buffer.allocUnsafe(payload.length);
  for (let at = 0; at < payload.length; at++) result[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
  return result;
}
