import { generateKeyPairSync } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { fingerprintOf } from "../known-hosts.ts";
import { ed25519PrivateFile, ed25519PublicBlob } from "./openssh-form.ts";

/** A key that lies in its two files. */
export interface KeyFile {
  readonly file: string;
  /** The line for `authorized_keys`. */
  readonly line: string;
  /** Its base64 part: what tells it from others, whatever stands around it. */
  readonly blob: string;
  readonly fingerprint: string;
}

/**
 * Makes an Ed25519 key (0600) and its `.pub`. A file that is there is never written over.
 * @throws ConnectivityError `config_invalid` when one of the two is there
 */
export async function makeKeyFile(file: string, comment: string): Promise<KeyFile> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const blob = ed25519PublicBlob(privateKey);
  const line = `ssh-ed25519 ${blob.toString("base64")} ${comment}`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeNew(file, ed25519PrivateFile(privateKey, comment), 0o600);
  await writeNew(`${file}.pub`, `${line}\n`, 0o644);
  return { file, line, blob: blob.toString("base64"), fingerprint: fingerprintOf(blob) };
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw new ConnectivityError(
      "config_invalid",
      `${file} is there already; name another one with --file`,
      { file },
      { cause },
    );
  }
}

/** Moves a key with its public half. */
export async function moveKeyFile(from: string, to: string): Promise<void> {
  await rename(from, to);
  await rename(`${from}.pub`, `${to}.pub`).catch(() => undefined);
}
