/** Reads the fields of a key or certificate (RFC 4251 §5), bounded by what is there. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A `string`; `undefined` when the bytes end before it does. */
  string(): Buffer | undefined {
    const length = this.uint32();
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number | undefined {
    if (this.#at + 4 > this.#bytes.length) return undefined;
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  uint64(): bigint | undefined {
    if (this.#at + 8 > this.#bytes.length) return undefined;
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  /** What has not been read. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

/** The public half of a private key in OpenSSH's own form, which stands before the encrypted part (PROTOCOL.key). */
export function opensshPublicBlob(text: string): Buffer | undefined {
  const base64 = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)/.exec(text)?.[1];
  const magic = "openssh-key-v1\0";
  const blob = Buffer.from(base64 ?? "", "base64");
  if (blob.toString("latin1", 0, magic.length) !== magic) return undefined;
  const reader = new WireReader(blob.subarray(magic.length));
  // Cipher, derivation, its options.
  for (let index = 0; index < 3; index++) reader.string();
  reader.uint32();
  return reader.string();
}
