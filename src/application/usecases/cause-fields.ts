import type { Failure } from "#domain/connectivity-error.ts";
import type { Cause } from "#domain/diagnosis/inference.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

/** One sentence: what fails, because of whom, and whether the connection itself is fine. */
export function causeSummary(service: string, root: Cause): string {
  const where = root.service === service ? service : `${service} fails because of ${root.service}`;
  const yours = root.side === "service" ? " Your connection is fine up to there." : "";
  return `${where}: ${root.failure.message}.${yours}`;
}

/** A root cause with its evidence. Shape: `contract/answers.json`, `diagnose`. */
export function causeFields(
  { clock }: UseCaseDependencies,
  workspace: Workspace,
  root: Cause,
  { client }: CallContext,
): object {
  const { failure, service, rung, confidence } = root;
  const { verified } = workspace.condition(service);
  const facts = Object.entries(failure.facts ?? {}).map(([fact, value]) => ({
    fact: fact.replaceAll("_", " "),
    value: typeof value === "object" ? value.join(", ") : String(value),
    source: rung,
  }));
  const history = verified
    ? [{ fact: "last ready", value: isoInZone(verified.atMs, client.hello.timeZone), source: "recorder" }]
    : [];
  const evidence = [
    {
      fact: "checked",
      value: failure.message,
      source: "fresh dial",
      at: isoInZone(clock.nowMs(), client.hello.timeZone),
    },
    ...facts,
    ...history,
  ];
  return { code: failure.code, rung, service, message: failure.message, confidence, evidence };
}

/** A cause in a list. */
export const briefCause = ({ service, rung, failure }: Cause): object => ({
  code: failure.code,
  rung,
  service,
  message: failure.message,
});

export function untrustedOf({ untrusted }: Failure): object {
  return untrusted === undefined ? {} : { untrusted: { source: "what the other side said", text: untrusted } };
}

/** What the person can do about it, at most three. */
export function userSteps(failure: Failure): Pick<Answer, "user_steps"> {
  const steps = remediesFor(failure);
  return steps.length > 0 ? { user_steps: steps.slice(0, 3) } : {};
}

/** The next call for a root cause. */
export function causeSteps(workspace: Workspace, { service, failure }: Cause): NextStep[] {
  const { facts } = failure;
  const owner = facts?.["owner_service"];
  if (failure.code === "local_port_in_use" && owner !== undefined) {
    const way = facts?.["owner_workspace"] === workspace.path ? { replace: true } : { take_over: true };
    const why = `stops ${String(owner)}, which holds the port`;
    return [{ tool: "start_environment", arguments: { services: [service], ...way }, why }];
  }
  const root = facts?.["root_service"];
  if (failure.code === "dependency_failed" && root !== undefined && !workspace.isWanted(String(root))) {
    return [{ tool: "control_service", arguments: { service: root, action: "start" }, why: `${service} waits for it` }];
  }
  if (errorCatalogue[failure.code].retryable) {
    return [
      { tool: "wait_for", arguments: { service, state: "ready" }, why: "it comes back by itself when its cause goes" },
    ];
  }
  return [{ tool: "control_service", arguments: { service, action: "start" }, why: "after its cause is mended" }];
}
