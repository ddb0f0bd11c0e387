import type { ConfigurationChange } from "./configuration-diff.ts";
import type { Impact } from "./impact.ts";
import type { PlannedChange } from "./operation.ts";
import type { Risk } from "./risk.ts";

/** A plan that nobody applied is forgotten after this time: what it was made from has changed by then. */
export const planLifeMs = 900_000;

/** How a plan comes to the text that it writes. */
export type PlanSource =
  /** Changes of the file's own text. */
  | { readonly kind: "edit"; readonly changes: readonly PlannedChange[] }
  /** The text of a kept generation. */
  | { readonly kind: "restore"; readonly generation: number }
  /** An edit by hand that waits: the file has the text already. */
  | { readonly kind: "file" }
  /** A file that is not there yet, made from changes to an empty one. */
  | { readonly kind: "create"; readonly text: string; readonly changes: readonly PlannedChange[] };

/** A proposed change of one configuration file, as it was shown. Immutable; what becomes of it is kept beside it. */
export interface Plan {
  readonly id: string;
  /** Absolute path of the file. */
  readonly workspace: string;
  readonly createdMs: number;
  /** Absent: for as long as the file is as it is. */
  readonly expiresMs?: number;
  /** Who asked for it: the client's name, cleaned. */
  readonly by: string;
  /** 0: there was none. */
  readonly baseGeneration: number;
  /** Of the file's text when it was made; empty: there was no file. */
  readonly baseDigest: string;
  /** Of the text that it would write. */
  readonly digest: string;
  readonly source: PlanSource;
  readonly changes: readonly ConfigurationChange[];
  readonly impact: Impact;
  readonly risk: Risk;
  readonly reasons: readonly string[];
  readonly summary: string;
  readonly confirm: string;
  /** Services that it brings up. */
  readonly starts: readonly string[];
  /** What a person who approves it comes to trust: the text that the trust is bound to; empty: nothing new. */
  readonly trust: string;
}

/** What became of a plan. */
export type PlanState = "open" | "applying" | "applied" | "rolled_back" | "dropped";

/** Whether a plan may still be applied at a moment. */
export const isOver = ({ expiresMs }: Plan, nowMs: number): boolean => expiresMs !== undefined && nowMs >= expiresMs;
