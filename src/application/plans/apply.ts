import { ConnectivityError } from "#domain/connectivity-error.ts";
import { startOrder } from "#domain/dependency-order.ts";
import { planSteps } from "#domain/plan/impact.ts";
import { isOver, type Plan } from "#domain/plan/plan.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { ApplyJournal, KeptPlan } from "../ports/plan-store.ts";
import type { LeaseHolder } from "../ports/state-store.ts";
import { becameWorse, readyNames, type Worse } from "./became-worse.ts";
import type { Configurations } from "./configurations.ts";
import type { KeptText } from "./kept-configuration.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { plannedText, wouldMean } from "./planned-text.ts";
import { record } from "./record.ts";
import { runningIn } from "./running.ts";

/** A call answers within 25 s: this long is waited for what was healthy, and this long after going back. */
const verifyMs = 15_000;
const restoreMs = 5000;

export interface Applied {
  readonly outcome: "applied" | "rolled_back";
  readonly generation: number;
  /** Services that were started or made anew, in the order of the plan. */
  readonly touched: readonly string[];
  readonly because: readonly Worse[];
}

export interface ApplyRequest {
  readonly only?: readonly string[] | undefined;
  readonly holder: LeaseHolder;
  /** The client's name, cleaned. */
  readonly by: string;
  readonly signal: AbortSignal;
  progress(message: string): void;
}

/**
 * Applies a plan: writes the file, adopts it, waits for what was healthy and was touched, and puts everything back when
 * one of those is not ready any more. Until it is through nothing of it outlives the process.
 * @throws ConnectivityError `plan_stale`, `plan_expired`, `unknown_plan`, `config_invalid`, `invalid_arguments`
 */
export async function applyPlanTo(
  deps: PlanDependencies,
  configurations: Configurations,
  kept: KeptPlan,
  request: ApplyRequest,
): Promise<Applied> {
  const { plan } = kept;
  // Before our own journal is there: it is not one that a killed process left.
  await configurations.recover();
  const configuration = configurations.of(plan.workspace);
  return configuration.exclusive(async () => {
    const current = await currentText(deps, plan);
    refuseUnfit(deps, kept, current, configuration.inForce);
    const text = await plannedText(deps, plan, current, request.only);
    const after = await wouldMean(deps, plan.workspace, text);
    const engine = deps.engine();
    const isNew = plan.source.kind === "create";
    const workspace = isNew ? undefined : await engine.workspace(plan.workspace);
    const before = workspace?.configuration ?? { services: [] };
    const healthy = workspace ? readyNames(workspace) : [];
    const steps = planSteps(before, after, runningIn(engine, workspace), plan.starts);
    const names = (wanted: string): string[] => [...steps].flatMap(([name, step]) => (step === wanted ? [name] : []));
    const started = withNeeds(after, names("start")).filter((name) => !(workspace?.isWanted(name) ?? false));
    const digest = deps.editor.digest(text);
    const journal: ApplyJournal = {
      plan: plan.id,
      workspace: plan.workspace,
      digest,
      baseGeneration: plan.baseGeneration,
      ...(!isNew && { before: current }),
      started,
    };
    deps.plans.beginApply(journal);
    configuration.applying(digest);
    const undo = new Undo(deps, configurations, journal, configuration.inForce);
    try {
      request.progress("writing the file");
      if (digest !== deps.editor.digest(current) || isNew)
        await deps.editor.write(plan.workspace, text, plan.baseDigest);
      const changed = workspace ?? (await engine.workspace(plan.workspace));
      await changed.reload();
      await engine.start(changed, started, request.holder);
      request.progress("verifying");
      const touched = [...names("restart"), ...names("start")];
      const watch = {
        workspace: changed,
        healthy,
        touched: names("restart"),
        limitMs: verifyMs,
        signal: request.signal,
      };
      const because = await becameWorse({ engine, clock: deps.clock }, watch);
      if (request.signal.aborted)
        throw new ConnectivityError("cancelled", "the call was cancelled: everything is as it was");
      if (because.length > 0) {
        await undo.run(changed, "rolled_back", healthy, names("restart"));
        const reason = `${because[0]?.service} was no longer ready (${because[0]?.code})`;
        note(deps, plan, request.by, "rolled_back", plan.baseGeneration, `${plan.id} was rolled back: ${reason}`);
        return { outcome: "rolled_back", generation: plan.baseGeneration, touched, because };
      }
      const gone = names("stop").filter((name) => changed.declaration(name) === undefined);
      const generation = commit(deps, plan, journal, text, gone, request.by);
      configuration.put({ number: generation, digest, text });
      changed.forget(gone);
      return { outcome: "applied", generation, touched, because: [] };
    } catch (thrown) {
      await undo.run(workspace, "open");
      throw thrown;
    } finally {
      configuration.applying(undefined);
      await deps
        .engine()
        .workspace(plan.workspace)
        .then((one) => one.reload())
        .catch(() => undefined);
    }
  });
}

/** The names with all that they need, in the order in which they start. */
function withNeeds({ services }: Pick<Configuration, "services">, names: readonly string[]): string[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  return startOrder(names, (name) => byName.get(name)?.spec?.dependsOn ?? []);
}

/** Going back to what was before the plan. */
class Undo {
  readonly #deps: PlanDependencies;
  readonly #configurations: Configurations;
  readonly #journal: ApplyJournal;
  readonly #good: KeptText | undefined;

  constructor(
    deps: PlanDependencies,
    configurations: Configurations,
    journal: ApplyJournal,
    good: KeptText | undefined,
  ) {
    this.#deps = deps;
    this.#configurations = configurations;
    this.#journal = journal;
    this.#good = good;
  }

  /** The file (unless somebody wrote another text meanwhile), what is wanted, and what runs. */
  async run(
    workspace: Workspace | undefined,
    state: "open" | "rolled_back",
    healthy: readonly string[] = [],
    touched: readonly string[] = [],
  ): Promise<void> {
    const { editor, plans, store, clock } = this.#deps;
    const { workspace: path, digest, before, started } = this.#journal;
    const engine = this.#deps.engine();
    const changed = workspace ?? [...engine.workspaces()].find((one) => one.path === path);
    if (changed) await changed.stop(started);
    for (const service of started) store.clearWanted({ workspace: path, service });
    if (before === undefined) await editor.remove(path, digest);
    else if (editor.digest(before) !== digest) await editor.write(path, before, digest).catch(() => undefined);
    this.#configurations.of(path).applying(undefined);
    if (changed && this.#good) await changed.reload().catch(() => undefined);
    plans.endApply(this.#journal, state);
    if (!changed || healthy.length === 0) return;
    const signal = new AbortController().signal;
    await becameWorse({ engine, clock }, { workspace: changed, healthy, touched, limitMs: restoreMs, signal });
  }
}

function commit(
  deps: PlanDependencies,
  plan: Plan,
  journal: ApplyJournal,
  text: string,
  gone: readonly string[],
  by: string,
): number {
  const { workspace } = plan;
  const origin = plan.source.kind === "restore" ? "restore" : "plan";
  const { digest } = journal;
  const summary = plan.summary.slice(0, 300);
  const made = { workspace, atMs: deps.clock.nowMs(), digest, origin, by, summary } as const;
  const unwanted = gone.map((service) => ({ workspace, service }));
  const number = deps.plans.commitApply(journal, made, text, unwanted);
  note(deps, plan, by, "applied", number, `${plan.id} was applied: ${summary}`);
  return number;
}

const note = (
  deps: PlanDependencies,
  { workspace, id }: Plan,
  by: string,
  did: "applied" | "rolled_back",
  generation: number,
  text: string,
): void => record(deps, { workspace, by, did, plan: id, generation, text });

/** Empty for a file that is not there yet. */
async function currentText({ editor }: PlanDependencies, { workspace, source }: Plan): Promise<string> {
  if (source.kind !== "create") return editor.readText(workspace);
  return editor.readText(workspace).catch((thrown: unknown) => {
    if (thrown instanceof ConnectivityError && thrown.code === "config_not_found") return "";
    throw thrown;
  });
}

function refuseUnfit(
  deps: PlanDependencies,
  { plan, state }: KeptPlan,
  current: string,
  inForce: KeptText | undefined,
): void {
  if (state !== "open") {
    throw new ConnectivityError("plan_stale", `the plan ${plan.id} was ${state.replace("_", " ")} already`, {
      plan_id: plan.id,
    });
  }
  if (isOver(plan, deps.clock.nowMs())) {
    throw new ConnectivityError("plan_expired", `the plan ${plan.id} is older than 15 minutes; make it anew`, {
      plan_id: plan.id,
    });
  }
  const digest = current === "" && plan.source.kind === "create" ? "" : deps.editor.digest(current);
  if (digest !== plan.baseDigest || (inForce?.number ?? 0) !== plan.baseGeneration) {
    throw new ConnectivityError("plan_stale", `the configuration was changed since ${plan.id} was made; make it anew`, {
      plan_id: plan.id,
      base_generation: plan.baseGeneration,
      generation: inForce?.number ?? 0,
    });
  }
}
