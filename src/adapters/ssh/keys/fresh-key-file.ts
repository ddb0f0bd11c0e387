import { generateKeyPairSync } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, lstat, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { fingerprintOf } from "../known-hosts.ts";
import { loadPrivateKey, publicHalf } from "../private-key.ts";
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
 * Makes an Ed25519 key (0600) and its `.pub`. A file that is there is never written over: it may be what an earlier run
 * left that was interrupted, see `leftKeyFile`.
 * @throws ConnectivityError `config_invalid` when one of the two is there
 */
export async function makeKeyFile(file: string, comment: string): Promise<KeyFile> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const blob = ed25519PublicBlob(privateKey);
  if (await isThere(`${file}.pub`)) throw taken(`${file}.pub`);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeNew(file, ed25519PrivateFile(privateKey, comment), 0o600);
  await writeNew(`${file}.pub`, `${lineOf(blob, comment)}\n`, 0o644);
  return describeKey(file, blob, comment);
}

/** An Ed25519 key without a passphrase that lies there already, with its `.pub` written where that is missing. */
export async function leftKeyFile(file: string, comment: string): Promise<KeyFile | undefined> {
  const key = await loadPrivateKey(file, undefined).catch(() => undefined);
  if (key?.type !== "ssh-ed25519") return undefined;
  const blob = key.getPublicSSH();
  const known = await publicHalf(`${file}.pub`);
  if (known === undefined) await writeFile(`${file}.pub`, `${lineOf(blob, comment)}\n`, { mode: 0o644, flag: "wx" });
  else if (!known.equals(blob)) return undefined;
  return describeKey(file, blob, comment);
}

const lineOf = (blob: Buffer, comment: string): string => `ssh-ed25519 ${blob.toString("base64")} ${comment}`;

const describeKey = (file: string, blob: Buffer, comment: string): KeyFile => ({
  file,
  line: lineOf(blob, comment),
  blob: blob.toString("base64"),
  fingerprint: fingerprintOf(blob),
});

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: "wx" });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    throw taken(file, cause);
  }
}

const isThere = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );

const taken = (file: string, cause?: unknown): ConnectivityError =>
  new ConnectivityError(
    "config_invalid",
    `${file} is there already; name another one with --file`,
    { file },
    { cause },
  );

/**
 * Puts a key in the place of another one, which is kept beside it. At no moment is there no private key in its place, nor
 * one beside another's public half, which OpenSSH would offer in vain: a run that is interrupted locks nobody out.
 * @param kept the name to keep the other one by; with a number where that is taken
 * @returns the name that it is kept by
 */
export async function replaceKeyFile(place: string, by: string, kept: string): Promise<string> {
  let keeping = kept;
  for (let number = 2; (await isThere(keeping)) || (await isThere(`${keeping}.pub`)); number++)
    keeping = `${kept}-${number}`;
  await copyFile(place, keeping, constants.COPYFILE_EXCL);
  await copyFile(`${place}.pub`, `${keeping}.pub`, constants.COPYFILE_EXCL).catch(() => undefined);
  await rm(`${place}.pub`, { force: true });
  await rename(by, place);
  await rename(`${by}.pub`, `${place}.pub`);
  return keeping;
}

/** Public halves, in base64, of the keys that are kept by a name or one with a number behind it. */
export async function keptKeys(kept: string): Promise<string[]> {
  const names = (await readdir(path.dirname(kept))).filter((name) => name.startsWith(path.basename(kept)));
  const files = names.filter((name) => name.endsWith(".pub")).map((name) => path.join(path.dirname(kept), name));
  const halves = await Promise.all(files.map((file) => publicHalf(file)));
  return halves.flatMap((half) => half?.toString("base64") ?? []);
}
