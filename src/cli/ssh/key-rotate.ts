import { readFile } from "node:fs/promises";
import path from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { exit, type Invocation } from "../command.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";
import { keyComment, newKeyPath } from "./key-files.ts";

const word = "rotate";

/**
 * `portwright ssh key rotate HOST`: a new Ed25519 key in place of the one that logs in today. The old one is taken off
 * the host only after the new one logged in, and by it; its files are kept beside.
 */
export async function rotateKey(invocation: Invocation, host: string): Promise<number> {
  using terminal = openTerminal(invocation);
  const { keptKeys, leftKeyFile, makeKeyFile, replaceKeyFile } = await import("#adapters/ssh/keys/fresh-key-file.ts");
  const { AuthorizedKeys, mustWork } = await import("#adapters/ssh/keys/authorized-keys.ts");
  const { createSshInventory } = await import("#adapters/ssh/inventory/create-inventory.ts");
  const { personalAccess } = await import("./personal-access.ts");
  const access = personalAccess(invocation);
  const remote = new AuthorizedKeys(host, access);

  const old = mustWork(await remote.try({}), `logging in to ${host}`).acceptedKey;
  const oldBlob = old === undefined ? undefined : await publicBlob(old);
  if (old === undefined || oldBlob === undefined) {
    throw new ConnectivityError(
      "ssh_key_missing",
      `no key file logs in to ${host} today, so there is none to replace`,
      { host },
    );
  }
  const shown = old.startsWith(`${access.homeDir}/`) ? `~${old.slice(access.homeDir.length)}` : old;
  const keys = await createSshInventory().keys([], { access, signal: AbortSignal.timeout(30_000) });
  const others = keys.find(({ file }) => file === shown)?.hosts.filter((name) => name !== host) ?? [];
  const named = keys.find(({ file }) => file === shown)?.hosts.includes(host) ?? false;
  const today = new Date().toISOString().slice(0, 10);
  // Its own file is replaced only where nothing else can mean it.
  const replaces = named && others.length === 0 && invocation.options["file"] === undefined;
  terminal.show(
    `${host} takes ${shown} today.${others.length > 0 ? ` It is also named for ${others.join(", ")}: there it stays.` : ""}\nA new Ed25519 key will be added there, tried, and the old one taken off ${host}.\n\n`,
  );
  if ((await terminal.ask(`Type ${word} to do it: `)) !== word) {
    const summary = `Nothing was changed on ${host}.`;
    await render(invocation, { summary, rotated: false, host, old: shown }, () => ({ summary }));
    return exit.failed;
  }
  const comment = keyComment(invocation, today);
  const place = replaces ? `${old}.new` : newKeyPath(invocation, host);
  // What a run that was interrupted has left goes on.
  const left = replaces ? await leftKeyFile(place, comment) : undefined;
  const key = left ?? (await makeKeyFile(place, comment));
  mustWork(await remote.add(key), `adding the new key to ${host}`);
  const tried = await remote.try({ key: key.file });
  if (!tried.ok || tried.acceptedKey !== key.file) {
    throw new ConnectivityError(
      "ssh_authentication_failed",
      `the new key does not log in to ${host}; the old one stays`,
      { host, key_file: key.file },
      { untrusted: tried.said },
    );
  }
  const file = replaces ? old : key.file;
  // Before the old one is taken off: whatever happens between, the key in this place logs in.
  const keeping = `${old}.old-${today}`;
  const kept = replaces ? await replaceKeyFile(old, key.file, keeping) : undefined;
  // Also what a run of today that was interrupted here has left on the host.
  const before = replaces ? await keptKeys(keeping) : [];
  for (const blob of new Set([oldBlob, ...before]))
    mustWork(await remote.remove(blob, { key: file }), `taking the old key off ${host}`);
  const summary = replaces
    ? `${host} takes the new key in ${shown}; the old one lies in ${path.basename(kept ?? "")} beside it.`
    : `${host} takes ${file}. Name it there: IdentityFile ${file}`;
  await render(invocation, { summary, rotated: true, host, file, fingerprint: key.fingerprint }, () => ({ summary }));
  return exit.done;
}

async function publicBlob(file: string): Promise<string | undefined> {
  const text = await readFile(`${file}.pub`, "utf8").catch(() => "");
  return /^\S+ ([A-Za-z0-9+/]+=*)/.exec(text)?.[1];
}
