import { ConnectivityError } from "#domain/connectivity-error.ts";
import { environmentState } from "#domain/service-state.ts";
import type { LoggedEvent } from "../engine/event-log.ts";
import { nextChange } from "../engine/next-change.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { WaitForArgs } from "../surface/use-cases.ts";
import { requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";

/** Clients cut a call after 60 s. */
const longestMs = 50_000;
const defaultMs = 25_000;
/** How often the file is looked at meanwhile: what is waited for may be an edit. */
const refreshEveryMs = 1000;

interface Goal {
  readonly title: string;
  /** What was waited for, once it is there. */
  reached(): { readonly summary: string; readonly state?: string; readonly seen?: object } | undefined;
  /** What is the case instead, when the time is over. */
  otherwise(): { readonly summary: string; readonly state?: string };
}

/** Waits for a state, an event, a log line or a running operation; bounded, and the same call goes on waiting. */
export async function waitFor(deps: UseCaseDependencies, args: WaitForArgs, context: CallContext): Promise<Answer> {
  const { engine, clock } = deps;
  // Before anything is awaited: what happens after the call came in counts.
  const { lastId } = engine.events;
  const workspace = await requireWorkspace(engine, context.client);
  const goal = goalOf(deps, workspace, args, lastId);
  const limitMs = Math.min(args.timeout_s === undefined ? defaultMs : args.timeout_s * 1000, longestMs);
  const startedMs = clock.monotonicMs();
  let refreshedMs = startedMs;
  context.progress(`waiting for ${goal.title}`);
  for (;;) {
    const reached = goal.reached();
    if (reached) return { summary: reached.summary, done: true, ...rest(reached), next_steps: [] };
    if (context.signal.aborted) throw new ConnectivityError("cancelled", `waiting for ${goal.title} was cancelled`);
    const nowMs = clock.monotonicMs();
    if (nowMs - startedMs >= limitMs) break;
    if (nowMs - refreshedMs >= refreshEveryMs) {
      refreshedMs = nowMs;
      // A file that cannot be read now changes nothing.
      await workspace.refresh().catch(() => undefined);
    }
    await nextChange(engine, workspace, clock, context.signal);
  }
  const { summary, state } = goal.otherwise();
  const again = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
  return {
    summary: `Not yet: ${summary}`,
    done: false,
    ...(state !== undefined && { state }),
    next_steps: [
      { tool: "wait_for", arguments: again, why: "goes on waiting" },
      ...(args.service === undefined ? [] : [stepFor(workspace, selectService(workspace, args.service, true))]),
    ],
  };
}

const stepFor = (workspace: Workspace, service: string): NextStep =>
  workspace.condition(service).state === "stopped"
    ? { tool: "control_service", arguments: { service, action: "start" }, why: "it is stopped" }
    : { tool: "diagnose", arguments: { service }, why: "says what it waits for" };

const rest = ({ state, seen }: { readonly state?: string; readonly seen?: object }): object => ({
  ...(state !== undefined && { state }),
  ...(seen && { seen }),
});

function goalOf(deps: UseCaseDependencies, workspace: Workspace, args: WaitForArgs, lastId: number): Goal {
  if (args.operation !== undefined) return operationGoal(deps, workspace, args.operation);
  const service = args.service === undefined ? undefined : selectService(workspace, args.service, true);
  if (args.event !== undefined || args.match !== undefined) return eventGoal(deps, workspace, args, service, lastId);
  if (service !== undefined) return stateGoal(workspace, service, args.state ?? "ready");
  throw new ConnectivityError(
    "invalid_arguments",
    "say what to wait for: operation, service (with state), event or match",
    {
      known: ["operation", "service", "state", "event", "match"],
    },
  );
}

function operationGoal({ operations }: UseCaseDependencies, workspace: Workspace, id: string): Goal {
  const operation = operations.find(id);
  if (!operation || operation.workspace !== workspace.path) {
    throw new ConnectivityError(
      "target_not_found",
      "this operation is not known (any more): get_status says how things are",
      { operation: id.slice(0, 40) },
    );
  }
  const states = (): ReturnType<typeof environmentState> =>
    environmentState(operation.services.map((name) => workspace.condition(name).state));
  const ready = (): number => operation.services.filter((name) => workspace.condition(name).state === "ready").length;
  const summary = (): string =>
    `${operation.environment ?? "services"}: ${ready()} of ${operation.services.length} ready.`;
  return {
    title: `operation ${id}`,
    reached: () => (states() === "starting" ? undefined : { summary: summary(), state: states() }),
    otherwise: () => ({ summary: summary(), state: states() }),
  };
}

function stateGoal(workspace: Workspace, service: string, wanted: "ready" | "failed" | "stopped"): Goal {
  const describe = (): { summary: string; state: string } => {
    const { state, failure, verified } = workspace.condition(service);
    const proof = state === "ready" && verified ? ` (${verified.by} in ${verified.durationMs} ms)` : "";
    return {
      summary: `${service} is ${state}${failure && state !== "ready" ? `: ${failure.message}` : proof}.`,
      state,
    };
  };
  return {
    title: `${service} to be ${wanted}`,
    reached: () => (workspace.condition(service).state === wanted ? describe() : undefined),
    otherwise: describe,
  };
}

/** Only what happens from now on counts: what was there before is for `query`. */
function eventGoal(
  { engine, plan: { plans } }: UseCaseDependencies,
  workspace: Workspace,
  { event, match }: WaitForArgs,
  service: string | undefined,
  lastId: number,
): Goal {
  const wanted = (one: LoggedEvent): boolean =>
    one.id > lastId &&
    (service === undefined || one.service === service) &&
    (event === undefined || one.kind === event || one.code === event || one.name === event) &&
    (match === undefined || one.text.toLowerCase().includes(match.toLowerCase()));
  // An approval that came before the question still waits to be used.
  const approvedBefore = (): Pick<LoggedEvent, "service" | "kind" | "text"> | undefined => {
    if (event !== "plan_approved") return undefined;
    const approved = plans.openPlans(workspace.path).find(({ plan, approval }) => approval?.digest === plan.digest);
    return (
      approved && { service: "", kind: "config", text: `${approved.plan.id} was approved by a person at a terminal` }
    );
  };
  return {
    title: event === undefined ? "a line that matches" : `the event ${event}`,
    reached: () => {
      const found = engine.events.all(workspace.path).find(wanted) ?? approvedBefore();
      return (
        found && {
          summary: found.service === "" ? found.text : `${found.service}: ${found.text}`,
          seen: { service: found.service, kind: found.kind, text: found.text },
        }
      );
    },
    otherwise: () => ({ summary: "nothing of the kind happened." }),
  };
}
