/** What the few documents of a handshake hold. */
export type BsonValue = number | string | boolean | Buffer | null | BsonDocument;
export interface BsonDocument {
  readonly [key: string]: BsonValue;
}

/** Deeper documents do not come in this exchange. */
const deepest = 16;

/** A document of BSON (https://bsonspec.org/spec.html): text, integers of 32 bits, booleans, bytes, null, and these nested. */
export function encodeBson(document: BsonDocument): Buffer {
  const elements = Object.entries(document).map(([key, value]) => element(key, value));
  return framed(Buffer.concat(elements));
}

function framed(elements: Buffer): Buffer {
  return Buffer.concat([int32(elements.length + 5), elements, Buffer.alloc(1)]);
}

function element(key: string, value: BsonValue): Buffer {
  const named = (type: number, body: Buffer): Buffer =>
    Buffer.concat([Buffer.from([type]), Buffer.from(`${key}\0`), body]);
  if (typeof value === "string") {
    const text = Buffer.from(`${value}\0`);
    return named(0x02, Buffer.concat([int32(text.length), text]));
  }
  if (typeof value === "number") return named(0x10, int32(value));
  if (typeof value === "boolean") return named(0x08, Buffer.from([value ? 1 : 0]));
  if (value === null) return named(0x0a, Buffer.alloc(0));
  if (Buffer.isBuffer(value)) return named(0x05, Buffer.concat([int32(value.length), Buffer.alloc(1), value]));
  return named(0x03, encodeBson(value));
}

const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};

/**
 * Reads a document; arrays become documents with the keys `0`, `1`, …; numbers of all widths become numbers, what is not
 * needed (dates, identifiers, timestamps) `null`. `undefined`: it is none, or goes deeper than is sensible.
 */
export function decodeBson(bytes: Buffer): BsonDocument | undefined {
  try {
    return read(bytes, deepest);
  } catch {
    // Past the end of the bytes.
    return undefined;
  }
}

/** Types of a fixed width that nobody looks at. */
const skipped: Readonly<Record<number, number>> = { 0x06: 0, 0x07: 12, 0x09: 8, 0x11: 8, 0x13: 16, 0xff: 0, 0x7f: 0 };

function read(bytes: Buffer, depth: number): BsonDocument | undefined {
  const length = bytes.readInt32LE(0);
  if (depth === 0 || length < 5 || length > bytes.length || bytes[length - 1] !== 0) return undefined;
  const document: Record<string, BsonValue> = Object.create(null) as Record<string, BsonValue>;
  let at = 4;
  while (at < length - 1) {
    const type = bytes.readUInt8(at);
    const end = bytes.indexOf(0, at + 1);
    if (end < 0 || end >= length) return undefined;
    const key = bytes.toString("utf8", at + 1, end);
    const found = value(bytes.subarray(end + 1, length - 1), type, depth);
    if (!found) return undefined;
    document[key] = found.value;
    at = end + 1 + found.width;
  }
  return at === length - 1 ? document : undefined;
}

function value(
  bytes: Buffer,
  type: number,
  depth: number,
): { readonly value: BsonValue; readonly width: number } | undefined {
  const sized = (head: number): number => {
    const length = bytes.readInt32LE(0);
    return length < 0 || head + length > bytes.length ? Number.NaN : length;
  };
  switch (type) {
    case 0x01:
      return { value: bytes.readDoubleLE(0), width: 8 };
    case 0x02: {
      const length = sized(4);
      return length >= 1 ? { value: bytes.toString("utf8", 4, 3 + length), width: 4 + length } : undefined;
    }
    case 0x03:
    case 0x04: {
      const nested = read(bytes, depth - 1);
      return nested && { value: nested, width: bytes.readInt32LE(0) };
    }
    case 0x05: {
      const length = sized(5);
      return length >= 0 ? { value: bytes.subarray(5, 5 + length), width: 5 + length } : undefined;
    }
    case 0x08:
      return { value: bytes.readUInt8(0) === 1, width: 1 };
    case 0x0a:
      return { value: null, width: 0 };
    case 0x10:
      return { value: bytes.readInt32LE(0), width: 4 };
    case 0x12:
      return { value: Number(bytes.readBigInt64LE(0)), width: 8 };
    default: {
      const width = skipped[type];
      return width === undefined || width > bytes.length ? undefined : { value: null, width };
    }
  }
}
