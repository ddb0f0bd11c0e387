import { resolve } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { exit, type Invocation } from "../command.ts";
import { render, type Sheet } from "../render.ts";
import { openTerminal } from "../terminal.ts";

const word = "yes";

/** `portwright ssh trust HOST`: the person compares fingerprints and types the word; nothing else writes known_hosts. */
export async function trustHost(invocation: Invocation): Promise<number> {
  const { positionals, options, cwd } = invocation;
  const [, host = ""] = positionals;
  const { "known-hosts": file, via } = options;
  const { scanHostKeys } = await import("#adapters/ssh/scan-host-keys.ts");
  const { personalAccess } = await import("./personal-access.ts");
  const scan = await scanHostKeys(
    {
      host,
      via: Array.isArray(via) ? via.map(String) : [],
      knownHostsFile: typeof file === "string" ? resolve(cwd, file) : undefined,
    },
    personalAccess(invocation),
    AbortSignal.timeout(60_000),
  );
  const where = `${scan.host}:${scan.port}`;
  const shown = { host: scan.host, port: scan.port, via: scan.via, known_hosts_file: scan.file };
  const sheet = (summary: string, keys = scan.keys): Sheet => ({
    summary,
    columns: ["TYPE", "FINGERPRINT", "KNOWN_HOSTS", "WHERE"],
    rows: keys.map(({ type, fingerprint, verdict, place }) => [type, fingerprint, verdict, place ?? ""]),
  });
  const wrong = scan.keys.find(({ verdict }) => verdict === "changed" || verdict === "revoked");
  if (wrong) {
    throw new ConnectivityError(
      "host_key_changed",
      wrong.verdict === "revoked"
        ? `${where} shows a host key that is marked as revoked; it is not taken`
        : `${where} shows another key than the known one; it is not taken. If the server was really installed anew, remove the old line first`,
      { host: scan.host, port: scan.port, fingerprint: wrong.fingerprint, known_hosts: wrong.place ?? "" },
    );
  }
  if (scan.keys.every(({ verdict }) => verdict === "known")) {
    const summary = `${where} is known already.`;
    await render(invocation, { summary, trusted: true, ...shown, keys: scan.keys }, () => sheet(summary));
    return exit.done;
  }
  using terminal = openTerminal(invocation);
  const lines = scan.keys.map(({ type, fingerprint, verdict }) => `  ${type}  ${fingerprint}  (${verdict})`);
  terminal.show(
    `${where} (${scan.via}) shows these host keys:\n${lines.join("\n")}\nCompare a fingerprint with one from its administrator, or run on the server itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n\n`,
  );
  if ((await terminal.ask(`Type ${word} to write them to ${scan.file}: `)) !== word) {
    const summary = `${where} is not trusted.`;
    await render(invocation, { summary, trusted: false, ...shown, keys: scan.keys }, () => sheet(summary));
    return exit.failed;
  }
  await scan.trust();
  const summary = `${where} is trusted; services that wait for it are dialled at once.`;
  const keys = scan.keys.map((key) => ({ ...key, verdict: "known" as const, place: key.place ?? scan.file }));
  await render(invocation, { summary, trusted: true, ...shown, keys }, () => sheet(summary, keys));
  return exit.done;
}
