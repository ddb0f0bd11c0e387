import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { dataOf, type Fact } from "#domain/diagnosis/fact.ts";
import { cycling } from "#domain/diagnosis/findings/troubled-pod.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Clock } from "../ports/clock.ts";
import { localFacts } from "./local-facts.ts";
import { routeOf, walkLadder, type LadderWalk, type WalkDependencies } from "./walk-ladder.ts";

/** All that is looked at has ended by then, whatever hangs. */
const examineMs = 7200;
/** A way that is well is through before this; from then on facts are gathered beside it. */
const patienceMs = 1000;
/** A short look at what seems well. */
const briefMs = 800;
/** What the facts may take once the walk has ended. */
const factsMs = 4500;

/** A walk and the facts beside it. */
export interface Examination extends LadderWalk {
  readonly facts: readonly Fact[];
  /** It is well now, and was not a moment ago, or comes and goes: what the running link says. */
  readonly unsteady?: Failure;
}

/**
 * Walks one service and, where that fails, takes long, or all is asked for, gathers facts beside it. Ends within 7.2 s with
 * what is known by then. Never throws.
 */
export async function examine(
  deps: WalkDependencies,
  workspace: Workspace,
  service: string,
  signal: AbortSignal,
  everything: boolean,
  withinMs = examineMs,
): Promise<Examination> {
  const facts: Fact[] = [];
  let open = true;
  const tell = (fact: Fact): void => {
    if (open) facts.push(fact);
  };
  const ending = new AbortController();
  const limit = AbortSignal.any([signal, ending.signal]);
  const late = new ConnectivityError("operation_timed_out", `nothing more was known within ${withinMs / 1000} s`);
  using _end = deps.clock.after(withinMs, () => ending.abort(late));
  const spec = workspace.declaration(service)?.spec;
  let gathering: Promise<void> | undefined;
  const gather = (walk?: LadderWalk, unsteady?: Failure): Promise<void> =>
    (gathering ??= spec
      ? gatherFacts(deps, workspace, spec, limit, tell, { failure: walk?.walk.failure ?? unsteady })
      : Promise.resolve());
  using _patience = deps.clock.after(everything ? 0 : patienceMs, () => void gather());
  const [walk] = await Promise.all([
    walkLadder(deps, workspace, service, limit),
    spec && localFacts(deps, workspace, spec, tell).catch(() => undefined),
  ]);
  if (walk.walk.failure === undefined && spec && gathering === undefined) {
    const asked = gatherFacts(deps, workspace, spec, limit, tell, { briefly: true });
    await Promise.race([asked, afterMs(deps.clock, briefMs), whenAborted(limit)]);
  }
  const unsteady =
    workspace.runtime(service)?.flapping ??
    (walk.walk.failure
      ? undefined
      : (workspace.condition(service).failure ?? cycle(facts, walk.pod, deps.clock.nowMs())));
  if (walk.walk.failure !== undefined || unsteady !== undefined || everything) {
    using _soon = deps.clock.after(factsMs, () => ending.abort(late));
    await Promise.race([gather(walk, unsteady), whenAborted(limit)]);
  }
  open = false;
  ending.abort();
  return { ...walk, facts, ...(unsteady && { unsteady }) };
}

async function gatherFacts(
  deps: WalkDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  signal: AbortSignal,
  tell: (fact: Fact) => void,
  { failure, briefly }: { readonly failure?: Failure | undefined; readonly briefly?: boolean },
): Promise<void> {
  const beside = async (): Promise<void> => {
    const source = await deps.facts?.(spec.technology);
    if (source === undefined || signal.aborted) return;
    const route = spec.via && (await routeOf(deps, workspace, spec).catch(() => undefined));
    await source.gather(
      {
        spec,
        access: deps.access(workspace.path),
        signal,
        ...(failure && { failure }),
        ...(briefly && { briefly }),
        ...(route && { route }),
      },
      tell,
    );
  };
  // What was not asked is not known: the walk alone then speaks.
  await beside().catch(() => undefined);
}

/** What is well may not stay so: the pod that answered was started anew lately, again and again. */
function cycle(facts: readonly Fact[], pod: string | undefined, nowMs: number): Failure | undefined {
  const pods = dataOf(facts, "pods")?.pods ?? [];
  const answered = pods.filter(({ metadata }) => pod === undefined || metadata.name === pod);
  return answered.map((one) => cycling(one, nowMs)).find((failure) => failure !== undefined);
}

const afterMs = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
