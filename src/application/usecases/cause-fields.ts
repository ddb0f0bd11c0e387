import type { Evidence } from "#domain/diagnosis/fact.ts";
import type { Cause } from "#domain/diagnosis/inference.ts";
import { nextCalls } from "#domain/diagnosis/next-calls.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { EventKind } from "../ports/history-store.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";
import { whereabouts } from "./whereabouts.ts";

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

/** A change this long before the trouble may be its reason. */
const suspectMs = 30 * 60_000;
/** What may be why; single checks, connections and the states themselves are not. */
const suspects: readonly EventKind[] = ["config", "cluster", "credentials", "network"];

/** What was different shortly before, newest first; when it was ready last is among it. */
export function changedBefore(
  { recorder, clock }: UseCaseDependencies,
  workspace: Workspace,
  root: Cause,
  { client }: CallContext,
): object[] {
  const { service } = root;
  const { verified, sinceMs = clock.nowMs() } = workspace.condition(service);
  const history = recorder.read();
  const lastReadyMs = verified?.atMs ?? history.lastReady(workspace.path, service)?.atMs;
  const rows = root.changes.map(({ atMs, what, source }) => ({ atMs, what, source }));
  if (lastReadyMs !== undefined) {
    rows.push({ atMs: lastReadyMs, what: `${service} was ready until then`, source: "recorder" });
    const span = { sinceMs: lastReadyMs - suspectMs, untilMs: sinceMs + 1000 };
    const filter = { workspace: workspace.path, service, orWorkspace: true, kinds: suspects, ...span };
    for (const { atMs, text } of history.events(filter, { limit: shownChanges }).rows)
      rows.push({ atMs, what: text, source: "recorder" });
  }
  return rows
    .toSorted((left, right) => right.atMs - left.atMs)
    .slice(0, shownChanges)
    .map(({ atMs, ...row }) => ({ at: isoInZone(atMs, client.hello.timeZone), ...row }));
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
export function userSteps(workspace: Workspace, { service, failure }: Cause): Pick<Answer, "user_steps"> {
  const steps = remediesFor(failure, whereabouts(workspace, service));
  return steps.length > 0 ? { user_steps: steps.slice(0, 3) } : {};
}

/** The next calls for a root cause, safest first. */
export const causeSteps = (workspace: Workspace, { service, failure }: Cause): NextStep[] =>
  nextCalls(service, failure, {
    workspace: workspace.path,
    isWanted: (name) => workspace.isWanted(name),
    wasReady: workspace.condition(service).verified !== undefined,
  });
