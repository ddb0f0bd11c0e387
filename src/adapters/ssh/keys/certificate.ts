import { readFile, stat } from "node:fs/promises";
import { WireReader } from "./wire.ts";

/** An OpenSSH certificate of a user or a host (PROTOCOL.certkeys). Names in it are text from outside. */
export interface SshCertificate {
  /** `ssh-ed25519`, without `-cert-v01@openssh.com`. */
  readonly keyType: string;
  readonly kind: "user" | "host";
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Epoch milliseconds; `undefined` when it holds for ever. */
  readonly validAfterMs: number | undefined;
  readonly validBeforeMs: number | undefined;
  /** The public key blob of the authority that signed it. */
  readonly authority: Buffer;
}

/** How many fields stand between the nonce and the serial number. */
const keyFields: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ssh-rsa": 2,
  "ssh-dss": 4,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
  "sk-ssh-ed25519@openssh.com": 2,
  "sk-ecdsa-sha2-nistp256@openssh.com": 3,
};

const largestFileBytes = 64 * 1024;

/** Reads a `-cert.pub` file; `undefined` when there is none or it is no certificate. */
export async function readCertificate(file: string): Promise<SshCertificate | undefined> {
  const about = await stat(file).catch(() => undefined);
  if (!about?.isFile() || about.size > largestFileBytes) return undefined;
  const text = await readFile(file, "utf8").catch(() => "");
  const base64 = /^\s*\S+-cert-v01@openssh\.com\s+([A-Za-z0-9+/=]+)/.exec(text)?.[1];
  return base64 === undefined ? undefined : parseCertificate(Buffer.from(base64, "base64"));
}

/** `undefined` when the bytes are no certificate. Signatures are not looked at: the server does. */
function parseCertificate(blob: Buffer): SshCertificate | undefined {
  const reader = new WireReader(blob);
  const type = reader.string()?.toString("latin1") ?? "";
  const plain = /^(.+)-cert-v01@openssh\.com$/.exec(type)?.[1] ?? "";
  // Hardware keys have the domain in the middle: sk-ssh-ed25519-cert-v01@openssh.com.
  const keyType = plain.startsWith("sk-") ? `${plain}@openssh.com` : plain;
  const fields = Object.hasOwn(keyFields, keyType) ? keyFields[keyType] : undefined;
  if (fields === undefined) return undefined;
  for (let index = 0; index <= fields; index++) if (reader.string() === undefined) return undefined;
  const serial = reader.uint64();
  const kind = reader.uint32();
  const keyId = reader.string();
  const principals = reader.string();
  const after = reader.uint64();
  const before = reader.uint64();
  for (let index = 0; index < 3; index++) if (reader.string() === undefined) return undefined;
  const authority = reader.string();
  if (serial === undefined || !keyId || !principals || after === undefined || before === undefined || !authority) {
    return undefined;
  }
  if (kind !== 1 && kind !== 2) return undefined;
  return {
    keyType,
    kind: kind === 1 ? "user" : "host",
    keyId: keyId.toString("utf8"),
    principals: strings(principals),
    validAfterMs: after === 0n ? undefined : milliseconds(after),
    validBeforeMs: milliseconds(before),
    authority,
  };
}

function strings(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const found: string[] = [];
  for (let value = reader.string(); value !== undefined && found.length < 256; value = reader.string()) {
    found.push(value.toString("utf8"));
  }
  return found;
}

/** All ones is "for ever"; what no clock shows is so too. */
const milliseconds = (seconds: bigint): number | undefined =>
  seconds > 8_640_000_000_000n ? undefined : Number(seconds) * 1000;
