import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Plan } from "#domain/plan/plan.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import { applyPlanTo, type Applied } from "../plans/apply.ts";
import { record } from "../plans/record.ts";
import type { KeptPlan } from "../ports/plan-store.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { ApplyPlanArgs } from "../surface/use-cases.ts";
import { approveStep } from "./plan-answer.ts";
import { endpointOf, variablesOf } from "./service-row.ts";
import { settle } from "./settle.ts";
import type { UseCaseDependencies } from "./scope.ts";

/** What was started is waited for this long; it is told as it is then. */
const settleMs = 8000;

/** Applies a plan, verifies, and restores the old state when something that worked no longer does. */
export async function applyPlan(deps: UseCaseDependencies, args: ApplyPlanArgs, context: CallContext): Promise<Answer> {
  const { client, signal } = context;
  const kept = findPlan(deps, args.plan_id, context);
  const { plan } = kept;
  if (args.confirm !== plan.confirm) {
    throw new ConnectivityError(
      "invalid_arguments",
      "confirm is not the plan's sentence, word for word: show the user the plan first",
      {
        plan_id: plan.id,
      },
    );
  }
  const by = deps.clients.nameOf(client.hello.id) ?? client.hello.name;
  if (plan.risk === "restricted" && kept.approval?.digest !== plan.digest) return needsPerson(deps, plan, by);
  const holder = { clientId: client.hello.id, clientName: by };
  try {
    const applied = await applyPlanTo(deps.plan, deps.configurations, kept, {
      only: args.only,
      holder,
      by,
      signal,
      progress: (message) => context.progress(message),
    });
    if (plan.source.kind === "create") await deps.clients.locate(client);
    const workspace = await deps.engine.workspace(plan.workspace);
    return applied.outcome === "applied"
      ? await appliedAnswer(deps, workspace, plan, applied, context)
      : rolledBackAnswer(workspace, plan, applied, context);
  } catch (thrown) {
    if (!(thrown instanceof ConnectivityError) || !isStale(thrown.code)) throw thrown;
    return staleAnswer(plan, thrown);
  }
}

const isStale = (code: string): boolean => code === "plan_stale" || code === "plan_expired";

/** @throws ConnectivityError `unknown_plan`: also for a plan of another workspace */
function findPlan({ plan: { plans } }: UseCaseDependencies, id: string, { client }: CallContext): KeptPlan {
  const kept = plans.plan(id);
  const mine = kept && (kept.plan.workspace === client.workspace || kept.plan.source.kind === "create");
  if (kept && mine) return kept;
  throw new ConnectivityError("unknown_plan", `there is no plan ${id.slice(0, 60)}`, { plan_id: id.slice(0, 60) });
}

function needsPerson(deps: UseCaseDependencies, plan: Plan, by: string): Answer {
  const [reason = "it reaches further than this machine"] = plan.reasons;
  record(deps.plan, {
    workspace: plan.workspace,
    by,
    did: "refused",
    plan: plan.id,
    text: `${plan.id} wants a person: ${reason}`,
  });
  return {
    summary: `Not applied, because ${reason}. A person must approve it.`,
    outcome: "needs_person",
    plan_id: plan.id,
    error: { code: "approval_required", message: sentence(reason), tried: "apply_plan", retryable: true },
    user_steps: [approveStep(plan)],
    next_steps: [
      { tool: "wait_for", arguments: { event: "plan_approved", timeout_s: 50 }, why: "go on when approved" },
    ],
  };
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function staleAnswer(plan: Plan, { code, message, facts }: ConnectivityError): Answer {
  return {
    summary: `Not applied: ${message}.`,
    outcome: "stale",
    plan_id: plan.id,
    error: { code, message, tried: "apply_plan", retryable: false, facts },
    next_steps: [{ tool: "get_status", arguments: { include: ["plans"] }, why: "what is in force, and what waits" }],
  };
}

async function appliedAnswer(
  deps: UseCaseDependencies,
  workspace: Workspace,
  plan: Plan,
  { generation, touched }: Applied,
  context: CallContext,
): Promise<Answer> {
  const shown = touched.filter((name) => workspace.declaration(name) !== undefined);
  await settle(deps, workspace, shown, settleMs, context);
  const rows = shown.map((service) => verifiedRow(workspace, service));
  const bad = shown.filter((service) => workspace.condition(service).state !== "ready");
  const good = rows.flatMap(({ service, state, by, ms }) =>
    state === "ready" ? [`${service} is ready (${by} in ${ms} ms)`] : [],
  );
  const told = [...good, ...bad.map((service) => `${service} is ${workspace.condition(service).state}`)];
  const others = [...workspace.runtimes()].filter(({ spec, wanted }) => wanted && !touched.includes(spec.name)).length;
  const kept = others === 0 ? "" : `; the ${others} other${others === 1 ? " kept its" : "s kept their"} connections`;
  const changed = new Set(plan.impact.env.map((name) => name.slice(1)));
  const env = variablesOf(workspace, shown).filter(({ name }) => changed.has(name));
  return {
    summary: `Applied as generation ${generation}.${told.length === 0 ? "" : ` ${told.join(", ")}${kept}.`}`,
    outcome: "applied",
    plan_id: plan.id,
    generation,
    verified: rows,
    ...(env.length > 0 && { env_changed: env }),
    ...(plan.baseGeneration > 0 && {
      undo: { tool: "configure_service", arguments: { rollback_to: plan.baseGeneration } },
    }),
    next_steps: bad.slice(0, 3).map((service) => ({
      tool: "diagnose",
      arguments: { service },
      why: `${service}: ${workspace.condition(service).failure?.code ?? "not ready yet"}`,
    })),
  };
}

interface VerifiedRow {
  readonly service: string;
  readonly state: string;
  readonly endpoint?: string;
  readonly by?: string;
  readonly ms?: number;
  readonly code?: string;
}

function verifiedRow(workspace: Workspace, service: string): VerifiedRow {
  const { state, verified, failure } = workspace.condition(service);
  const endpoint = endpointOf(workspace, service);
  return {
    service,
    state,
    ...(endpoint !== undefined && { endpoint }),
    ...(state === "ready" && verified && { by: verified.by, ms: verified.durationMs }),
    ...(state !== "ready" && failure && { code: failure.code }),
  };
}

function rolledBackAnswer(
  workspace: Workspace,
  plan: Plan,
  { generation, because }: Applied,
  { client }: CallContext,
): Answer {
  const [first] = because;
  const rows = because.map(({ service }) => verifiedRow(workspace, service));
  const again = rows.every(({ state }) => state === "ready");
  const end = again ? "Everything is as before, verified." : "The configuration is as before.";
  return {
    summary: `Rolled back: with the change, ${first?.service} was no longer ready (${first?.code}). ${end}`,
    outcome: "rolled_back",
    plan_id: plan.id,
    generation,
    because: because.map(({ service, before, after, code, atMs }) => ({
      service,
      before,
      after,
      code,
      at: isoInZone(atMs, client.hello.timeZone),
    })),
    verified: rows,
    next_steps: [
      { tool: "diagnose", arguments: { service: first?.service ?? "", detail: "full" }, why: "why the change failed" },
    ],
  };
}
