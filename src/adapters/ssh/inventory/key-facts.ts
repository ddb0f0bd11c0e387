import { constants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import ssh2, { type ParsedKey } from "ssh2";
import type { SshKeyFacts } from "#domain/ssh/key-care.ts";
import { readCertificate } from "../keys/certificate.ts";
import { opensshPublicBlob, WireReader } from "../keys/wire.ts";
import { fingerprintOf } from "../known-hosts.ts";
import { isEncrypted, isPublicForm, publicHalf } from "../private-key.ts";

/** No key is larger. */
const largestKeyBytes = 64 * 1024;
/** A folder with more files than this is no `.ssh`. */
const mostFiles = 1000;

/** The private keys of a folder, by how they begin. */
export async function keyFilesOf(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder).catch(() => [])).slice(0, mostFiles);
  const texts = await Promise.all(names.map((name) => beginning(path.join(folder, name), 64)));
  const isKey = (text: string): boolean => /^-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File-/.test(text);
  return names.filter((_, index) => isKey(texts[index] ?? "")).map((name) => path.join(folder, name));
}

/** What is known beside the file itself. */
export interface KeySurroundings extends Pick<SshKeyFacts, "hosts" | "services" | "usual"> {
  readonly shown: string;
  readonly certificate: string;
  /** Blobs of the keys that the agent holds. */
  readonly held: readonly Buffer[];
}

/** Looks at a private key without opening it: nothing is decrypted, and no secret part is kept. */
export async function keyFacts(file: string, around: KeySurroundings): Promise<SshKeyFacts> {
  const about = await stat(file).catch(() => undefined);
  const text = about?.isFile() ? (await beginning(file, largestKeyBytes)).trim() : "";
  const blob = text === "" ? undefined : ((await publicHalf(file)) ?? publicBlobOf(text));
  const isPrivate = text.includes("PRIVATE KEY") || text.startsWith("PuTTY-");
  const publicOnly = blob !== undefined && !isPrivate && isPublicForm(text);
  const certificate = await readCertificate(around.certificate);
  const uid = process.getuid?.();
  const { shown, held, certificate: certificateFile, ...rest } = around;
  return {
    ...rest,
    file: shown,
    missing: about === undefined,
    unreadable: about !== undefined && !publicOnly && !isPrivate,
    ...(publicOnly && { publicOnly }),
    type: blob && new WireReader(blob).string()?.toString("latin1"),
    bits: blob && bitsOf(blob),
    fingerprint: blob && fingerprintOf(blob),
    encrypted: isEncrypted(text),
    mode: about && uid !== undefined ? about.mode & 0o777 : undefined,
    ownedByOther: about !== undefined && uid !== undefined && uid !== 0 && about.uid !== uid,
    writtenMs: about?.mtimeMs,
    inAgent: blob !== undefined && held.some((other) => other.equals(blob)),
    certificate:
      certificate?.kind === "user"
        ? {
            file: shown.replace(/[^/]*$/, path.basename(certificateFile)),
            validAfterMs: certificate.validAfterMs,
            validBeforeMs: certificate.validBeforeMs,
          }
        : undefined,
  };
}

/** The public half from the private file: it stands open at its beginning in OpenSSH's form. */
function publicBlobOf(text: string): Buffer | undefined {
  const openssh = opensshPublicBlob(text);
  if (openssh || isEncrypted(text)) return openssh;
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text);
  const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed;
  return key === undefined || key instanceof Error ? undefined : key.getPublicSSH();
}

function bitsOf(blob: Buffer): number | undefined {
  const reader = new WireReader(blob);
  const type = reader.string()?.toString("latin1") ?? "";
  const curve = /nistp(\d{3})/.exec(type)?.[1];
  if (curve !== undefined) return Number(curve);
  if (type.includes("ed25519")) return 256;
  // RSA has its exponent before the modulus, DSA begins with the prime.
  if (type === "ssh-rsa") reader.string();
  const number = reader.string();
  if (!number) return undefined;
  const first = number.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (number.length - first - 1) * 8 + (32 - Math.clz32(number[first] ?? 0));
}

async function beginning(file: string, bytes: number): Promise<string> {
  const opened = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (!opened) return "";
  try {
    const { buffer, bytesRead } = await opened.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch {
    return "";
  } finally {
    await opened.close();
  }
}
