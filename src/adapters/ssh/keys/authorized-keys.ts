import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { configFile, keysToName } from "../openssh/home-folder.ts";
import { findSshProgram } from "../openssh/program.ts";
import { declaredHop, resolveSettings } from "../settings.ts";
import { checkNames } from "../config/safe-names.ts";

/** How to log in: as the person does, or by one key and nothing else. */
export type LoginBy = { readonly key?: string };

/** What a login showed. */
export interface LoginResult {
  readonly ok: boolean;
  /** The key file that the server took. */
  readonly acceptedKey: string | undefined;
  /** What ssh and the server said when it failed: text from outside. */
  readonly said: string;
}

const longestMs = 120_000;
const keptBytes = 64 * 1024;

/**
 * `~/.ssh/authorized_keys` of a host, by the person's own `ssh`: it may ask for a password or a touch at the terminal, and
 * goes by whatever way their configuration has. Needs a POSIX shell there.
 */
export class AuthorizedKeys {
  readonly #host: string;
  readonly #access: Access;

  /** @throws ConnectivityError `config_invalid` for a name that no host has */
  constructor(host: string, access: Access) {
    checkNames(host.replace(/^[^@]*@/, ""), undefined);
    this.#host = host;
    this.#access = access;
  }

  /** Logs in and does nothing. */
  try(by: LoginBy): Promise<LoginResult> {
    return this.#run("true", "", by);
  }

  /** Adds a key's line, at the end, unless the key is there. */
  add({ line, blob }: { readonly line: string; readonly blob: string }): Promise<LoginResult> {
    const file = "~/.ssh/authorized_keys";
    const newline = `{ [ ! -s ${file} ] || [ -z "$(tail -c1 ${file})" ] || echo >> ${file}; }`;
    const there = `grep -v '^[[:space:]]*#' ${file} 2>/dev/null | grep -qF '${blob}'`;
    const command = `umask 077; ${there} || { mkdir -p ~/.ssh && ${newline} && cat >> ${file}; }`;
    return this.#run(command, `${line}\n`, {});
  }

  /** Takes the lines with a key out. @param blob in base64 */
  remove(blob: string, by: LoginBy): Promise<LoginResult> {
    const file = "~/.ssh/authorized_keys";
    // What is left has the new key's line: an empty rest would lock everybody out, and is not written.
    const command = `umask 077; t=$(mktemp) && { grep -vF '${blob}' ${file} > "$t"; [ -s "$t" ] && cat "$t" > ${file}; s=$?; rm -f "$t"; exit $s; }`;
    return this.#run(command, "", by);
  }

  async #run(command: string, input: string, { key }: LoginBy): Promise<LoginResult> {
    const program = await findSshProgram((name) => this.#access.env(name));
    const child = spawn(program.path, [...(await this.#arguments(key)), "--", this.#host, command], {
      stdio: ["pipe", "ignore", "pipe"],
      env: { ...this.#access.environment() },
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), longestMs);
    let log = "";
    child.stderr.on("data", (bytes: Buffer) => {
      log = (log + bytes.toString("utf8")).slice(-keptBytes);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(timer);
    const acceptedKey = /^debug1: Server accepts key: (.*?) [A-Z0-9-]+ SHA256:/m.exec(log)?.[1];
    const said = log
      .split("\n")
      .filter((line) => line !== "" && !/^(debug\d:|OpenSSH_)/.test(line))
      .join("\n");
    return { ok: code === 0, acceptedKey, said: said.slice(-1000) };
  }

  async #arguments(key: string | undefined): Promise<string[]> {
    const { homeDir } = this.#access;
    const config = await configFile(homeDir);
    const known = `UserKnownHostsFile="${path.join(homeDir, ".ssh", "known_hosts")}"`;
    const settings = await resolveSettings(declaredHop(this.#host), this.#access);
    const keys = key === undefined ? await keysToName(settings, homeDir) : [key];
    const only = ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes"];
    return [
      ...["-v", "-T", "-o", "ControlPath=none", "-o", "ClearAllForwardings=yes", "-o", "StrictHostKeyChecking=yes"],
      ...(config === undefined ? [] : ["-F", config, "-o", known]),
      ...keys.flatMap((file) => ["-i", file]),
      ...(key === undefined ? [] : only),
    ];
  }
}

/** @throws ConnectivityError `ssh_authentication_failed` unless it went well */
export function mustWork(result: LoginResult, what: string): LoginResult {
  if (result.ok) return result;
  throw new ConnectivityError("ssh_authentication_failed", `${what} did not work`, {}, { untrusted: result.said });
}
