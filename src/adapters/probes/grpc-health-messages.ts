/** Names of `HealthCheckResponse.ServingStatus`. */
const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

/** A `HealthCheckRequest` (field 1: the service's name) in its gRPC frame (a flag, then the length in four bytes). */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/**
 * The status in a framed `HealthCheckResponse` (field 1, an enum; absent: `UNKNOWN`); fields that are not known are
 * skipped. `undefined`: it is none.
 */
export function servingStatus(frame: Buffer): string | undefined {
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) return undefined;
  let at = 5;
  let status = 0;
  const next = (): number | undefined => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = frame[at++];
      if (byte === undefined) return undefined;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < frame.length) {
    const key = next();
    if (key === undefined) return undefined;
    const value = (key & 7) === 0 || (key & 7) === 2 ? next() : undefined;
    if (value === undefined) return undefined;
    if ((key & 7) === 2) at += value;
    else if (key >> 3 === 1) status = value;
  }
  return at === frame.length ? (statuses[status] ?? "UNKNOWN") : undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return Buffer.from(bytes);
}
