import type { Failure } from "../../connectivity-error.ts";
import { errorCatalogue, type Rung } from "../../error-catalogue.ts";
import type { Evidence, Fact } from "../fact.ts";

/** A cause that facts speak for, on one service's own way. */
export interface Finding {
  readonly failure: Failure;
  readonly rung: Rung;
  readonly evidence: readonly Evidence[];
  /** How many kinds of witnesses saw it independently: see `confidenceOf`. */
  readonly witnesses: readonly Witness[];
  readonly changes?: readonly { readonly atMs: number; readonly what: string; readonly source: string }[];
}

/** Who can speak for a cause. */
export type Witness = "walk" | "link" | "status" | "event" | "log" | "change" | "network" | "named";

/** What the rules look at. */
export interface Seen {
  readonly facts: readonly Fact[];
  /** What the fresh dial or the check at its end ran into. */
  readonly symptom: Failure;
  /** The pod that answered, or would have. */
  readonly pod?: string;
  readonly nowMs: number;
}

/** The chance that each witness errs when it is alone. A status is what the cluster says of itself; an event may be old. */
const doubt: Readonly<Record<Witness, number>> = {
  walk: 0.15,
  status: 0.15,
  link: 0.35,
  network: 0.3,
  event: 0.5,
  named: 0.5,
  log: 0.7,
  change: 0.7,
};

/**
 * 1 minus the chance that all witnesses err at once, as if they were independent; each counts once, at most 0.99. So one
 * structured witness gives 0.85, the walk and a status 0.98, and a name in a variable alone 0.5.
 */
export function confidenceOf(witnesses: readonly Witness[]): number {
  const err = [...new Set(witnesses)].reduce((product, witness) => product * doubt[witness], 1);
  return Math.min(0.99, Math.round((1 - err) * 100) / 100);
}

/** A server on the way that does not speak SSH, or no common version of it, is no matter of the check at the end. */
export const rungOf = ({ code, facts }: Failure): Rung =>
  facts?.["layer"] === "ssh" ? "ssh" : errorCatalogue[code].rung;

export const finding = (
  failure: Failure,
  evidence: readonly Evidence[],
  witnesses: readonly Witness[],
  changes?: Finding["changes"],
): Finding => ({ failure, rung: rungOf(failure), evidence, witnesses, ...(changes && { changes }) });
