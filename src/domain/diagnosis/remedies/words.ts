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

/** `ssh` to the server of a failure, with a command to be run there. */
export const sshCommand = (fact: FactText, command = "true"): string => {
  const target = `${fact("user") === undefined ? "" : `${fact("user")}@`}${fact("host") ?? "HOST"}`;
  const port = fact("port");
  return `ssh${port === undefined || port === "22" ? "" : ` -p ${shellWord(port)}`} ${shellWord(target)} ${command}`;
};

/** `kubectl` in the context and namespace of a failure. */
export const kubectl = (fact: FactText, rest: string): string => {
  const context = fact("context");
  const namespace = fact("namespace");
  const scope = `${context === undefined ? "" : ` --context ${shellWord(context)}`}${namespace === undefined ? "" : ` -n ${shellWord(namespace)}`}`;
  return `kubectl${scope} ${rest}`;
};

/** A step that looks and changes nothing. */
export const look = (command: string, why: string): Remedy => ({ do: "run", command, why });
