import { createHmac, randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import path from "node:path";
import { keyTypeOf, knownHostName } from "./known-hosts.ts";

/** The line of known_hosts that makes a key known. @param hashed hides the name, as `HashKnownHosts yes` wants it */
export function knownHostLine(host: string, port: number, key: Buffer, hashed = false): string {
  const name = knownHostName(host, port);
  return `${hashed ? hashedName(name) : name} ${keyTypeOf(key) ?? ""} ${key.toString("base64")}`;
}

/** `|1|salt|hash`: hostfile.c of OpenSSH, host_hash. */
function hashedName(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

/** Adds lines to a known_hosts file (0600, in a folder of mode 0700), in one write. What is there stays as it is. */
export async function appendKnownHosts(file: string, lines: readonly string[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const opened = await open(file, "a+", 0o600);
  try {
    const { size } = await opened.stat();
    const last = size === 0 ? "\n" : (await opened.read(Buffer.alloc(1), 0, 1, size - 1)).buffer.toString();
    await opened.appendFile(`${last === "\n" ? "" : "\n"}${lines.join("\n")}\n`);
  } finally {
    await opened.close();
  }
}
