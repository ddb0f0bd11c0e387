import { randomBytes } from "node:crypto";
import { basename } from "node:path";
import type { ConfigurationChange } from "#domain/plan/configuration-diff.ts";
import { impactOf } from "#domain/plan/impact.ts";
import type { Plan } from "#domain/plan/plan.ts";
import { confirmSentence, planSummary } from "#domain/plan/plan-words.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { runningIn } from "./running.ts";

interface FileEdit {
  readonly now: { readonly digest: string; readonly configuration: Configuration };
  readonly before: { readonly number: number };
  readonly old: Configuration;
  readonly changes: readonly ConfigurationChange[];
  readonly reasons: readonly string[];
  readonly trust: string;
}

/** An edit by hand that waits for a person, as a plan. It lasts for as long as the file is as it is. */
export function filePlan(
  deps: PlanDependencies,
  workspace: Workspace,
  { now, before, old, changes, reasons, trust }: FileEdit,
): Plan {
  const impact = impactOf(old, now.configuration, runningIn(deps.engine(), workspace), []);
  const title = `Take over the edit of ${basename(workspace.path)}`;
  const words = { changes, impact, route: () => undefined, joins: () => [], title };
  return {
    id: `edit-${basename(workspace.path)
      .replaceAll(/[^A-Za-z0-9]+/g, "-")
      .slice(0, 20)}-${randomBytes(2).toString("hex")}`,
    workspace: workspace.path,
    createdMs: deps.clock.nowMs(),
    by: "file",
    baseGeneration: before.number,
    baseDigest: now.digest,
    digest: now.digest,
    source: { kind: "file" },
    changes,
    impact,
    risk: "restricted",
    reasons,
    summary: planSummary(words),
    confirm: confirmSentence(words),
    starts: [],
    trust,
  };
}
