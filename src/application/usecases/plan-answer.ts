import { basename } from "node:path";
import type { Plan } from "#domain/plan/plan.ts";
import type { PlanDependencies } from "../plans/plan-dependencies.ts";
import { plannedText } from "../plans/planned-text.ts";
import type { Answer, NextStep } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";
import type { TriedTargets } from "./try-targets.ts";

/** More changes than this are counted. */
const shownChanges = 20;

/** What was looked at before a plan is shown. */
export interface Looked {
  readonly checked: readonly string[];
  readonly tried?: TriedTargets;
}

const nothingTried: TriedTargets = { resolved: new Map(), unreached: [] };

/** A plan as it is shown. Shape: `contract/answers.json`, `plan`. */
export async function planAnswer(
  deps: UseCaseDependencies,
  plan: Plan,
  current: string,
  { checked, tried = nothingTried }: Looked,
): Promise<Answer> {
  const changes = await changeRows(deps.plan, plan, current, tried);
  const { untouched: _untouched, ...impact } = plan.impact;
  const restricted = plan.risk === "restricted";
  return {
    summary: [
      plan.summary,
      restricted && `A person must approve it, because ${plan.reasons[0]}.`,
      unreachedWords(tried),
    ]
      .filter((part) => typeof part === "string")
      .join(" "),
    plan_id: plan.id,
    risk: plan.risk,
    ...(plan.reasons.length > 0 && { reasons: plan.reasons }),
    confirm: plan.confirm,
    base_generation: plan.baseGeneration,
    ...(plan.expiresMs !== undefined && {
      expires_in_s: Math.max(0, Math.ceil((plan.expiresMs - deps.clock.nowMs()) / 1000)),
    }),
    changes: changes.slice(0, shownChanges),
    ...(changes.length > shownChanges && { changes_total: changes.length }),
    impact,
    checked,
    ...(tried.unreached.length > 0 && { unreached: tried.unreached }),
    ...(restricted && { user_steps: [approveStep(plan)] }),
    next_steps: [applyStep(plan)],
  };
}

/** A plan that leads nowhere may be what is wanted, before the target is there: told, and not refused. */
function unreachedWords({ unreached }: TriedTargets): string | undefined {
  const [first] = unreached;
  if (!first) return undefined;
  const more = unreached.length > 1 ? ` (and ${unreached.length - 1} more)` : "";
  return `As things are, ${first.service} would not come up: ${first.message}${more}.`;
}

async function changeRows(
  deps: PlanDependencies,
  plan: Plan,
  current: string,
  { resolved }: TriedTargets,
): Promise<object[]> {
  const { editor } = deps;
  const text = plan.source.kind === "file" ? current : await plannedText(deps, plan, current, undefined);
  const { lines } = await editor.raw(plan.workspace, text);
  const { lines: before } = await editor.raw(plan.workspace, current);
  const rows: object[] = [];
  for (const { id, op, service, environment, keys } of plan.changes.slice(0, shownChanges)) {
    const line = op === "remove" ? before.get(id) : lines.get(id);
    const list = service === undefined ? ("environments" as const) : ("services" as const);
    const name = service ?? environment;
    const shown =
      op === "remove" || name === undefined ? undefined : await editor.excerpt(plan.workspace, text, list, name);
    rows.push({
      id,
      op,
      ...(service !== undefined && { service }),
      ...(environment !== undefined && { environment }),
      ...(op === "change" && { keys }),
      file: `${basename(plan.workspace)}${line === undefined ? "" : `:${line}`}`,
      ...(shown !== undefined && { yaml: shown }),
      ...(service !== undefined && resolved.has(service) && { resolved: resolved.get(service) }),
    });
  }
  return rows;
}

const applyStep = ({ id, confirm }: Plan): NextStep => ({
  tool: "apply_plan",
  arguments: { plan_id: id, confirm },
  why: "after the user agreed",
});

export const approveStep = ({ id }: Pick<Plan, "id">) => ({
  do: "run" as const,
  command: `portwright approve ${id}`,
  why: "shows the plan in your terminal and asks; an AI client cannot answer it",
});

/** Plans that wait, for `get_status` with `include: [plans]`. */
export function openPlanRows({ plan: { plans }, clock }: UseCaseDependencies, workspace: string): object[] {
  return plans
    .openPlans(workspace)
    .filter(({ plan }) => plan.expiresMs === undefined || plan.expiresMs > clock.nowMs())
    .slice(0, shownChanges)
    .map(({ plan, approval }) => ({
      plan_id: plan.id,
      risk: plan.risk,
      summary: plan.summary,
      confirm: plan.confirm,
      by: plan.by,
      base_generation: plan.baseGeneration,
      approved: approval?.digest === plan.digest,
      ...(plan.expiresMs !== undefined && { expires_in_s: Math.round((plan.expiresMs - clock.nowMs()) / 1000) }),
    }));
}
