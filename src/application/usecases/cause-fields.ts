import type { Failure } from "#domain/connectivity-error.ts";
import type { Evidence, Fact } from "#domain/diagnosis/fact.ts";
import { dataOf } from "#domain/diagnosis/fact.ts";
import type { Cause } from "#domain/diagnosis/inference.ts";
import { nextCalls } from "#domain/diagnosis/next-calls.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

/** Evidence beyond this is only told in full. */
const shownEvidence = 7;
const shownChanges = 4;
const longestValue = 200;

/** One sentence: what fails, because of whom, and whether the connection itself is fine. */
export function causeSummary(
  service: string,
  root: Cause,
  status: "found" | "several" | "unknown" = "found",
  others: readonly Cause[] = [],
): string {
  if (status === "unknown") return `${service} fails, and why is not known: ${root.failure.message}.`;
  const where = root.service === service ? service : `${service} fails because of ${root.service}`;
  const yours = root.side === "service" ? " Your connection is fine up to there." : "";
  const further =
    status === "several"
      ? ` Besides, ${others.length === 1 ? "there is" : "there are"} ${others
          .map(({ failure, service: whose }) => `${failure.code} at ${whose}`)
          .slice(0, 3)
          .join(", ")}.`
      : "";
  return `${where}: ${root.failure.message}.${yours}${further}`;
}

/** A root cause with its evidence. Shape: `contract/answers.json`, `diagnose`. */
export function causeFields(root: Cause, { client }: CallContext, full = false): object {
  const { failure, service, rung, confidence } = root;
  const evidence = distinct(root.evidence)
    .slice(0, full ? undefined : shownEvidence)
    .map(({ fact, value, source, atMs }) => ({
      fact,
      value: value.length > longestValue ? `${value.slice(0, longestValue)}…` : value,
      source,
      ...(atMs !== undefined && { at: isoInZone(atMs, client.hello.timeZone) }),
    }));
  return { code: failure.code, rung, service, message: failure.message, confidence, evidence };
}

const distinct = (evidence: readonly Evidence[]): Evidence[] => [
  ...new Map(evidence.map((one) => [`${one.fact} ${one.value}`, one])).values(),
];

/** What was different shortly before, newest first; when it was ready last is among it. */
export function changedBefore(
  { engine }: UseCaseDependencies,
  workspace: Workspace,
  root: Cause,
  facts: readonly Fact[],
  { client }: CallContext,
): object[] {
  const zone = client.hello.timeZone;
  const lastReady = workspace.condition(root.service).verified?.atMs ?? dataOf(facts, "last_ready")?.atMs;
  const rows = root.changes.map(({ atMs, what, source }) => ({ atMs, what, source }));
  if (lastReady !== undefined)
    rows.push({ atMs: lastReady, what: `${root.service} was ready until then`, source: "recorder" });
  void engine;
  return rows
    .toSorted((left, right) => right.atMs - left.atMs)
    .slice(0, shownChanges)
    .map(({ atMs, ...row }) => ({ at: isoInZone(atMs, zone), ...row }));
}

/** A cause in a list. */
export const briefCause = ({ service, rung, failure }: Cause): object => ({
  code: failure.code,
  rung,
  service,
  message: failure.message,
});

export function untrustedOf({ failure, rung }: Cause): object {
  const { untrusted, facts } = failure;
  if (untrusted === undefined) return {};
  const pod = facts?.["pod"];
  const source =
    rung === "workload" && pod !== undefined ? `cluster and log of pod ${String(pod)}` : "what the other side said";
  return { untrusted: { source, text: untrusted } };
}

/** What the person can do about it, at most three. */
export function userSteps(failure: Failure): Pick<Answer, "user_steps"> {
  const steps = remediesFor(failure);
  return steps.length > 0 ? { user_steps: steps.slice(0, 3) } : {};
}

/** The next calls for a root cause, safest first. */
export const causeSteps = (workspace: Workspace, { service, failure }: Cause): NextStep[] =>
  nextCalls(service, failure, {
    workspace: workspace.path,
    isWanted: (name) => workspace.isWanted(name),
  });
