import type { Failure } from "../connectivity-error.ts";

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

/** A fact of a failure by its name, as text. */
export type Fact = (name: string) => string | undefined;

/** What can be done, by the code of a failure. */
export type RemedyByCode = Readonly<Partial<Record<Failure["code"], (fact: Fact) => Remedy[]>>>;

/** Said where nothing has to be started again. */
export const comesBack = "the service comes back by itself";

/** One word of a command line that a person will paste: quoted unless it is plain. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
