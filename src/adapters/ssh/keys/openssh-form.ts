import { createPublicKey, randomBytes, type KeyObject } from "node:crypto";

/** A `string` of RFC 4251 §5. */
function field(value: Buffer | string): Buffer {
  const bytes = typeof value === "string" ? Buffer.from(value) : value;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

const type = "ssh-ed25519";

/** The blob of an Ed25519 public key (RFC 8709 §4). */
export function ed25519PublicBlob(key: KeyObject): Buffer {
  const { x = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.concat([field(type), field(Buffer.from(x, "base64url"))]);
}

/** An Ed25519 private key in OpenSSH's own form, without a passphrase (PROTOCOL.key of OpenSSH). */
export function ed25519PrivateFile(key: KeyObject, comment: string): string {
  const { d = "", x = "" } = key.export({ format: "jwk" });
  const [seed, half] = [Buffer.from(d, "base64url"), Buffer.from(x, "base64url")];
  const check = randomBytes(4);
  const inner = [check, check, field(type), field(half), field(Buffer.concat([seed, half])), field(comment)];
  // Filled up to a block of eight with 1, 2, 3, …
  const length = inner.reduce((sum, part) => sum + part.length, 0);
  inner.push(Buffer.from(Array.from({ length: (8 - (length % 8)) % 8 }, (_, index) => index + 1)));
  const one = Buffer.from([0, 0, 0, 1]);
  const blob = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    ...[field("none"), field("none"), field(""), one, field(ed25519PublicBlob(key)), field(Buffer.concat(inner))],
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}
