import { randomFillSync } from "node:crypto";

export const opcode = { binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** The longest header of a client's frame: two bytes, a length of eight and the key. */
export const longestHeader = 14;

const keyLength = 4;

/**
 * Writes the header of a client's final frame (RFC 6455, section 5.2) right before its payload.
 * @param buffer the payload from `payloadAt` to the end, and room for `longestHeader` before it
 * @param masking whether the payload is masked, in place, by a fresh key, as it must be without TLS (section 10.3); else
 *   the key is zero, which is legal framing and leaves the payload as it is
 * @returns where the frame begins
 */
export function putFrameHeader(type: number, buffer: Buffer, payloadAt: number, masking: boolean): number {
  const length = buffer.length - payloadAt;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const start = payloadAt - keyLength - extended - 2;
  buffer[start] = 0x80 | type;
  buffer[start + 1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) buffer.writeUInt16BE(length, start + 2);
  else if (extended === 8) {
    buffer.writeUInt32BE(Math.floor(length / 0x1_0000_0000), start + 2);
    buffer.writeUInt32BE(length % 0x1_0000_0000, start + 6);
  }
  const keyAt = payloadAt - keyLength;
  if (masking) mask(buffer, keyAt, payloadAt);
  else buffer.fill(0, keyAt, payloadAt);
  return start;
}

function mask(buffer: Buffer, keyAt: number, payloadAt: number): void {
  randomFillSync(buffer, keyAt, keyLength);
  for (let at = payloadAt; at < buffer.length; at++) {
    buffer[at] = (buffer[at] ?? 0) ^ (buffer[keyAt + ((at - payloadAt) & 3)] ?? 0);
  }
}

/** A whole frame of its own: pings, pongs, closes. */
export function wholeFrame(type: number, payload: Uint8Array, masking: boolean): Buffer {
  const buffer = Buffer.allocUnsafe(longestHeader + payload.length);
  buffer.set(payload, longestHeader);
  return buffer.subarray(putFrameHeader(type, buffer, longestHeader, masking));
}
