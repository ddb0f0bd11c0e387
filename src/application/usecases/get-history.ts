import { humanDuration, isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { EventKind, HistoryEvent } from "../ports/history-store.ts";
import type { Generation } from "../ports/plan-store.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { GetHistoryArgs } from "../surface/use-cases.ts";
import { spanOf } from "./moments.ts";
import { cursorId, eventRow } from "./query-rows.ts";
import { requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";

const defaultLimit = 40;
const largestLimit = 200;
const shownGenerations = 10;
const keptGenerations = 1000;
const dayMs = 86_400_000;
/** What a timeline tells; single checks and connections are for `query`. */
const timeline: readonly EventKind[] = ["state", "config", "cluster", "credentials", "network", "client"];

/** The timeline, newest first, and what is different between its two ends. Without `since`: the last day. */
export async function getHistory(
  deps: UseCaseDependencies,
  args: GetHistoryArgs,
  context: CallContext,
): Promise<Answer> {
  const { timeZone } = context.client.hello;
  const workspace = await requireWorkspace(deps.engine, context.client);
  const notes: string[] = [];
  const service = args.service === undefined ? undefined : selectService(workspace, args.service, true, notes);
  const nowMs = deps.clock.nowMs();
  const { sinceMs = nowMs - dayMs, untilMs = nowMs } = spanOf(deps, workspace, service, args, context);
  const history = deps.recorder.read();
  const filter = {
    workspace: workspace.path,
    // What concerns the whole workspace concerns each service of it.
    ...(service !== undefined && { service, orWorkspace: true }),
    kinds: args.kind ?? timeline,
    sinceMs,
    untilMs,
  };
  const { rows, total } = history.events(filter, {
    beforeId: args.cursor === undefined ? undefined : cursorId(args.cursor),
    limit: Math.min(args.limit ?? defaultLimit, largestLimit),
  });
  const difference = differenceOf(deps, workspace, service, sinceMs, untilMs);
  const generations = deps.plan.plans.generations(workspace.path, keptGenerations);
  const last = rows.at(-1);
  const recordedFrom = history.recordedFrom(workspace.path);
  return {
    summary: [...notes, summaryOf(service, total, untilMs - sinceMs, difference)].join(" "),
    entries: rows.map((event) => eventRow(event, timeZone)),
    difference: {
      from: isoInZone(sinceMs, timeZone),
      to: isoInZone(untilMs, timeZone),
      services: difference,
      ...configurationDifference(generations, sinceMs, untilMs),
    },
    ...(generations.length > 0 && {
      generations: generations
        .filter(({ atMs }) => atMs <= untilMs)
        .slice(0, shownGenerations)
        .map(({ number, atMs, origin, by, summary, rolledBack }) => ({
          generation: number,
          at: isoInZone(atMs, timeZone),
          origin,
          by,
          summary,
          ...(rolledBack && { rolled_back: true }),
        })),
    }),
    ...(recordedFrom !== undefined && { recorded_from: isoInZone(recordedFrom, timeZone) }),
    ...(last && total > rows.length && { next_cursor: String(last.id) }),
    next_steps: nextSteps(difference, untilMs >= nowMs),
  };
}

interface StateDifference {
  readonly service: string;
  readonly before: string;
  readonly after: string;
  readonly code?: string;
}

/** Services that are in another state at the end than at the begin; one that was not recorded before was stopped. */
function differenceOf(
  { recorder }: UseCaseDependencies,
  workspace: Workspace,
  service: string | undefined,
  sinceMs: number,
  untilMs: number,
): StateDifference[] {
  const history = recorder.read();
  const at = (ms: number): Map<string, HistoryEvent> =>
    new Map(history.statesAt(workspace.path, ms).map((event) => [event.service, event]));
  const [before, after] = [at(sinceMs), at(untilMs)];
  return [...after.values()].flatMap((event) => {
    const [was, is] = [before.get(event.service)?.change?.to ?? "stopped", event.change?.to ?? "stopped"];
    if (was === is || (service !== undefined && event.service !== service)) return [];
    return [{ service: event.service, before: was, after: is, ...(event.code && { code: event.code }) }];
  });
}

/** Which configuration was in force at each end; nothing where it was the same. */
function configurationDifference(newestFirst: readonly Generation[], sinceMs: number, untilMs: number): object {
  const at = (ms: number): number | undefined =>
    newestFirst.find(({ atMs, rolledBack }) => atMs <= ms && !rolledBack)?.number;
  const [before, after] = [at(sinceMs), at(untilMs)];
  return before === after ? {} : { configuration: { ...(before !== undefined && { before }), after } };
}

function summaryOf(
  service: string | undefined,
  total: number,
  durationMs: number,
  difference: readonly StateDifference[],
): string {
  const of = service === undefined ? "" : ` of ${service}`;
  const changes = difference
    .slice(0, 3)
    .map(({ service: name, before, after, code }) => `${name} ${before} → ${after}${code ? ` (${code})` : ""}`);
  const more = difference.length > 3 ? ` and ${difference.length - 3} more` : "";
  const end =
    changes.length === 0 ? "The states are the same as at its begin." : `Different: ${changes.join(", ")}${more}.`;
  return `${total} ${total === 1 ? "change" : "changes"}${of} in ${humanDuration(durationMs)}. ${end}`;
}

function nextSteps(difference: readonly StateDifference[], untilNow: boolean): NextStep[] {
  if (!untilNow) return [];
  return difference
    .filter(({ after }) => after === "failed" || after === "waiting")
    .slice(0, 3)
    .map(({ service, code }) => ({ tool: "diagnose", arguments: { service }, why: code ?? "it is not ready" }));
}
