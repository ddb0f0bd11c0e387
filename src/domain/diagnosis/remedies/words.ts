import type { Failure } from "../../connectivity-error.ts";

/** What a person can do about a cause that is not ours to mend. Same shape as an answer's `user_steps`. */
export interface Remedy {
  readonly do: "run" | "edit" | "login" | "ask";
  readonly command?: string;
  readonly where?: string;
  readonly what?: string;
  readonly why?: string;
  readonly changes?: string;
  readonly then?: string;
}

/** A fact of a failure as text; `undefined` when it is not known. */
export type FactText = (name: string) => string | undefined;

/** Remedies by code, safest first. */
export type Remedies = Readonly<Partial<Record<Failure["code"], (fact: FactText) => readonly Remedy[]>>>;

export const comesBack = "the service comes back by itself";

/** One word of a command line that a person will paste: quoted unless it is plain. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** An SSH server as OpenSSH's command line takes it. */
export interface SshServerWords {
  readonly host: string;
  readonly port?: number | string;
  readonly user?: string;
  /** Offered alone: with others beside it the server might let in another key. */
  readonly keyFile?: string;
  readonly jumps?: readonly string[];
}

/** `ssh` with its options, to be pasted; a command may follow. */
export function sshTo({ host, port, user, keyFile, jumps = [] }: SshServerWords): string {
  return [
    "ssh",
    ...(port === undefined || String(port) === "22" ? [] : ["-p", shellWord(String(port))]),
    ...(keyFile === undefined ? [] : ["-o", "IdentitiesOnly=yes", "-i", shellWord(keyFile)]),
    ...(jumps.length === 0 ? [] : ["-J", shellWord(jumps.join(","))]),
    shellWord(user === undefined ? host : `${user}@${host}`),
  ].join(" ");
}

/**
 * `ssh` to the server of a failure, with a command to be run there: the service's own by all its hops where OpenSSH can go
 * that way (facts `ssh` and `ssh_by_hops`), else the hop that is blamed. The facts of the failure alone are used where
 * nothing is known of the service.
 */
export function sshCommand(fact: FactText, command = "true"): string {
  const [hop, user, port] = [fact("hop"), fact("user"), fact("port")];
  const own = hop === undefined ? fact("ssh") : fact("ssh_by_hops");
  const host = hop ?? fact("host") ?? "HOST";
  const server = own ?? sshTo({ host, ...(user !== undefined && { user }), ...(port !== undefined && { port }) });
  return `${server} ${command}`;
}

/** `kubectl` in the context and namespace of a failure. */
export const kubectl = (fact: FactText, rest: string): string => {
  const context = fact("context");
  const namespace = fact("namespace");
  const scope = `${context === undefined ? "" : ` --context ${shellWord(context)}`}${namespace === undefined ? "" : ` -n ${shellWord(namespace)}`}`;
  return `kubectl${scope} ${rest}`;
};

/** A step that looks and changes nothing. */
export const look = (command: string, why: string): Remedy => ({ do: "run", command, why });
