import type { Failure } from "#domain/connectivity-error.ts";
import type { ConfigurationChange } from "#domain/plan/configuration-diff.ts";
import type { Plan } from "#domain/plan/plan.ts";
import { listed } from "#domain/plan/plan-words.ts";
import type { Worse } from "./became-worse.ts";

/** A finding: the edit wants a person first. */
export const waits = (name: string, { id, reasons }: Plan): Failure => ({
  code: "approval_required",
  message: `an edit of ${name} waits for a person, because ${reasons[0]}; what was in force before still is`,
  facts: { plan_id: id, reasons: [...reasons] },
});

/** Why an edit was taken back. */
export function worseReason(worse: readonly Worse[]): string {
  const [first, ...others] = worse;
  const more = others.length > 0 ? ` (so are ${listed(others.map(({ service }) => service))})` : "";
  return `${first?.service} was ready before it and ${first?.after} after it${more}: ${first?.message} (${first?.code})`;
}

/** A finding: the edit made something worse. */
export const takenBack = (name: string, reason: string): Failure => ({
  code: "config_invalid",
  message: `the last edit of ${name} was rolled back, because ${reason}; the file is as it was written, and not in force`,
});

/** What an edit by hand does, in a few words. */
export function editSummary(changes: readonly ConfigurationChange[]): string {
  if (changes.length === 0) return "comments or spacing";
  const told = (op: ConfigurationChange["op"], word: string): string[] => {
    const names = changes.filter((change) => change.op === op).map(({ id }) => id);
    return names.length === 0 ? [] : [`${word} ${listed(names)}`];
  };
  return [...told("add", "adds"), ...told("change", "changes"), ...told("remove", "removes")].join(", ");
}
