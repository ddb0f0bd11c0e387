import { createHash, createHmac } from "node:crypto";
import { matchesHostList } from "./config/patterns.ts";

/** One usable line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
export interface KnownHostLine {
  /** Counts from 1. */
  readonly line: number;
  readonly marker: "cert-authority" | "revoked" | undefined;
  /** The first field as written: comma-separated patterns, or one hashed name. */
  readonly hosts: string;
  readonly keyType: string;
  readonly key: Buffer;
}

/** What known_hosts says about a key that a server presented. */
export type HostKeyVerdict =
  | { readonly kind: "known"; readonly line: KnownHostLine }
  | { readonly kind: "revoked"; readonly line: KnownHostLine }
  /** The host is known, by other keys only. `line` is the one that contradicts: of the same type where there is one. */
  | { readonly kind: "changed"; readonly line: KnownHostLine }
  /** `certificateAuthority`: a CA is trusted for the host, which only a host certificate could satisfy. */
  | { readonly kind: "unknown"; readonly certificateAuthority: boolean };

/** The usable lines, in order; comments, empty and malformed lines are left out, as OpenSSH does. */
export function parseKnownHosts(text: string): KnownHostLine[] {
  const lines: KnownHostLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const fields = raw.trim().split(/[ \t]+/);
    const first = fields[0] ?? "";
    if (first === "" || first.startsWith("#")) continue;
    const marked = first.startsWith("@");
    if (marked && first !== "@cert-authority" && first !== "@revoked") continue;
    const [hosts, keyType, base64] = marked ? fields.slice(1) : fields;
    if (hosts === undefined || keyType === undefined || base64 === undefined) continue;
    const key = Buffer.from(base64, "base64");
    if (keyTypeOf(key) !== keyType) continue;
    lines.push({
      line: index + 1,
      marker: marked ? (first.slice(1) as "cert-authority" | "revoked") : undefined,
      hosts,
      keyType,
      key,
    });
  }
  return lines;
}

/** The name under which a host stands in known_hosts: lower case, `[host]:port` beside the default port. */
export const knownHostName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/** The type that a public key blob names itself (RFC 4253 §6.6), or `undefined` when it is no key. */
export function keyTypeOf(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  if (length === 0 || length > 64 || key.length < 4 + length) return undefined;
  const type = key.toString("latin1", 4, 4 + length);
  return /^[\x21-\x7e]+$/.test(type) ? type : undefined;
}

/** `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;

/** Whether the first field of a line means this name (from `knownHostName`): hashed, or patterns with `*`, `?` and `!`. */
export function matchesHostField(field: string, name: string): boolean {
  if (field.startsWith("|")) return matchesHashed(field, name);
  return matchesHostList(field, name);
}

/** `|1|base64 salt|base64 HMAC-SHA1(salt, name)`: hostfile.c, host_hash. */
function matchesHashed(field: string, name: string): boolean {
  const [, magic, salt, hash] = field.split("|");
  if (magic !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}

/**
 * Judges a key by the lines of one or more files: `[host]:port` first and, beside the default port, the bare name where
 * it has exactly this key (OpenSSH does so too). A revoked key is revoked whatever else says.
 */
export function judgeHostKey(lines: readonly KnownHostLine[], host: string, port: number, key: Buffer): HostKeyVerdict {
  const names = [...new Set([knownHostName(host, port), knownHostName(host, 22)])];
  const revoked = lines.find(
    (line) =>
      line.marker === "revoked" && line.key.equals(key) && names.some((name) => matchesHostField(line.hosts, name)),
  );
  if (revoked) return { kind: "revoked", line: revoked };
  const plain = lines.filter((line) => line.marker === undefined);
  const named = plain.filter((line) => matchesHostField(line.hosts, knownHostName(host, port)));
  const bare = plain.filter((line) => matchesHostField(line.hosts, knownHostName(host, 22)));
  const known = [...named, ...bare].find((line) => line.key.equals(key));
  if (known) return { kind: "known", line: known };
  const keyType = keyTypeOf(key);
  const contradicting = named.find((line) => line.keyType === keyType) ?? named[0];
  if (contradicting) return { kind: "changed", line: contradicting };
  const certificateAuthority = lines.some(
    (line) => line.marker === "cert-authority" && names.some((name) => matchesHostField(line.hosts, name)),
  );
  return { kind: "unknown", certificateAuthority };
}

/** Key types that are known for a host, in file order: the server is asked for one of these first. */
export function knownKeyTypes(lines: readonly KnownHostLine[], host: string, port: number): string[] {
  const plain = lines.filter((line) => line.marker === undefined);
  const named = plain.filter((line) => matchesHostField(line.hosts, knownHostName(host, port)));
  const used = named.length > 0 ? named : plain.filter((line) => matchesHostField(line.hosts, knownHostName(host, 22)));
  return [...new Set(used.map((line) => line.keyType))];
}
