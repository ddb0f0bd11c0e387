import { exit, type Invocation } from "../command.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";
import { keyComment, newKeyPath } from "./key-files.ts";

const word = "install";

/** `portwright ssh key new HOST`: an Ed25519 key for one host, installed there at the person's word. */
export async function newKey(invocation: Invocation, host: string): Promise<number> {
  using terminal = openTerminal(invocation);
  const { leftKeyFile, makeKeyFile } = await import("#adapters/ssh/keys/fresh-key-file.ts");
  const { AuthorizedKeys, mustWork } = await import("#adapters/ssh/keys/authorized-keys.ts");
  const { personalAccess } = await import("./personal-access.ts");
  const remote = new AuthorizedKeys(host, personalAccess(invocation));
  const today = new Date().toISOString().slice(0, 10);
  const [place, comment] = [newKeyPath(invocation, host), keyComment(invocation, today)];
  // What is there is used, so that a run that was interrupted can go on; it is never written over.
  const left = await leftKeyFile(place, comment);
  const key = left ?? (await makeKeyFile(place, comment));
  const answer = { file: key.file, fingerprint: key.fingerprint, public_key: key.line, host };
  const use = [`IdentityFile ${key.file}`, `ssh-keygen -p -f ${key.file}   # gives it a passphrase`];
  terminal.show(`${left ? `${key.file} is there already` : `Made ${key.file}`}\n  ${key.fingerprint}\n\n`);
  if ((await terminal.ask(`Type ${word} to add it to ~/.ssh/authorized_keys on ${host}: `)) !== word) {
    const summary = `${key.file} is made; it is not installed on ${host}.`;
    await render(invocation, { summary, ...answer, installed: false }, () => ({ summary, lines: [key.line] }));
    return exit.done;
  }
  mustWork(await remote.add(key), `adding the key to ${host}`);
  const tried = mustWork(await remote.try({ key: key.file }), `logging in to ${host} with the new key`);
  const works = tried.acceptedKey === key.file;
  const summary = works
    ? `${key.file} logs in to ${host}. Name it in ~/.ssh/config, or as key_file of the service.`
    : `${key.file} is on ${host}, but the login went by another key.`;
  await render(invocation, { summary, ...answer, installed: true, works }, () => ({ summary, lines: use }));
  return works ? exit.done : exit.failed;
}
