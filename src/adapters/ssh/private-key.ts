import { createPrivateKey } from "node:crypto";
import ssh2, { type ParsedKey } from "ssh2";
import { readBounded } from "#adapters/net/bounded-file.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { ed25519PrivateFile } from "./keys/openssh-form.ts";
import { unlockKey } from "./keys/unlock.ts";

/** Larger files are no keys (an RSA key of 16,384 bits has 12 KiB). */
export const largestKeyBytes = 64 * 1024;

/**
 * Reads and, where it is encrypted, decrypts a private key.
 * @param passphrase asked for only when the key is encrypted
 * @throws ConnectivityError `ssh_key_missing`, `ssh_key_unreadable`, `ssh_key_passphrase_required`, and what `passphrase` throws
 */
export async function loadPrivateKey(
  path: string,
  passphrase: (() => Promise<string>) | undefined,
): Promise<ParsedKey> {
  const text = await readKey(path);
  const encrypted = isEncrypted(text);
  if (encrypted && !passphrase) {
    throw new ConnectivityError(
      "ssh_key_passphrase_required",
      `the key ${path} is encrypted and no passphrase is set`,
      {
        key_file: path,
      },
    );
  }
  const cipher = opensshCipher(text);
  if (cipher === unsupportedCipher) {
    throw new ConnectivityError(
      "ssh_key_unreadable",
      `the key ${path} is encrypted by ${cipher}, which only driver: openssh reads; ssh-keygen -p -Z aes256-ctr -f FILE changes it`,
      { key_file: path, cipher },
    );
  }
  const secret = encrypted ? await passphrase?.() : undefined;
  const opened = secret !== undefined && isOpensshForm(text) ? await unlockKey(text, secret) : text;
  const parsed: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(fromPkcs8(opened ?? "", secret), secret);
  const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed;
  if (key !== undefined && !(key instanceof Error) && key.isPrivateKey()) return key;
  if (encrypted) {
    throw new ConnectivityError("ssh_key_passphrase_required", `the passphrase does not open the key ${path}`, {
      key_file: path,
      passphrase: "refused",
    });
  }
  throw new ConnectivityError(
    "ssh_key_unreadable",
    isPublicForm(text)
      ? `${path} is the public half of a key; its private one is neither there nor in an agent`
      : `${path} is no private key of a supported form`,
    { key_file: path },
  );
}

/**
 * The public half of a key, so that an agent's twin is recognized: the file itself where a person names the `.pub` of a
 * key that only the agent has, else the `.pub` beside it.
 */
export async function publicHalf(path: string): Promise<Buffer | undefined> {
  for (const file of [path, `${path}.pub`]) {
    const text = await readKey(file).catch(() => "");
    if (!isPublicForm(text)) continue;
    const parsed = ssh2.utils.parseKey(text);
    if (!(parsed instanceof Error)) return parsed.getPublicSSH();
  }
  return undefined;
}

/** One line as in a `.pub` file: the type, and what begins as every blob does. */
export const isPublicForm = (text: string): boolean => /^(?:ssh|ecdsa|sk)-\S+\s+AAAA/.test(text);

/** PKCS#8 (RFC 5958), which ssh2 does not read, in the older form of the key's own algorithm, which it does. */
function fromPkcs8(text: string, passphrase: string | undefined): string {
  if (!/^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text)) return text;
  try {
    const key = createPrivateKey({ key: text, ...(passphrase !== undefined && { passphrase }) });
    if (key.asymmetricKeyType === "rsa") return key.export({ type: "pkcs1", format: "pem" }).toString().trim();
    if (key.asymmetricKeyType === "ed25519") return ed25519PrivateFile(key, "");
    if (key.asymmetricKeyType === "ec") return key.export({ type: "sec1", format: "pem" }).toString().trim();
  } catch {
    // What does not open is told by the parser's own refusal.
  }
  return text;
}

async function readKey(path: string): Promise<string> {
  try {
    const bytes = await readBounded(path, largestKeyBytes);
    if (bytes.length <= largestKeyBytes) return bytes.toString("utf8").trim();
  } catch (error) {
    const { code = "unknown" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new ConnectivityError(
        "ssh_key_missing",
        `there is no key file ${path}`,
        { key_file: path },
        { cause: error },
      );
    }
    throw new ConnectivityError(
      "ssh_key_unreadable",
      `the key file ${path} cannot be read`,
      { key_file: path, errno: code },
      { cause: error },
    );
  }
  throw new ConnectivityError("ssh_key_unreadable", `${path} is too large to be a key`, { key_file: path });
}

const isOpensshForm = (text: string): boolean => text.startsWith("-----BEGIN OPENSSH PRIVATE KEY-----");

/** By the form itself (PROTOCOL.key of OpenSSH, RFC 1421 §4.6.1.1, RFC 5958), not by the parser's complaint. */
export function isEncrypted(text: string): boolean {
  if (text.startsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----") || /^Proc-Type:\s*4,ENCRYPTED/m.test(text)) return true;
  if (/^PuTTY-User-Key-File-\d+:/.test(text)) return /^Encryption: (?!none)/m.test(text);
  return (opensshCipher(text) ?? "none") !== "none";
}

/** ssh2 does not open it, and would call every passphrase wrong. */
const unsupportedCipher = "chacha20-poly1305@openssh.com";

/** The cipher that a key of OpenSSH's form names, `none` among them (PROTOCOL.key of OpenSSH). */
function opensshCipher(text: string): string | undefined {
  const openssh = /^-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)/.exec(text)?.[1];
  if (openssh === undefined) return undefined;
  const blob = Buffer.from(openssh, "base64");
  const magic = "openssh-key-v1\0";
  if (blob.length < magic.length + 4 || blob.toString("latin1", 0, magic.length) !== magic) return undefined;
  const length = blob.readUInt32BE(magic.length);
  return blob.toString("latin1", magic.length + 4, magic.length + 4 + length);
}
