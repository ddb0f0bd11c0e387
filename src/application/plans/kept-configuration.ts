import { basename } from "node:path";
import type { Failure } from "#domain/connectivity-error.ts";
import { diffConfigurations, type ConfigurationChange } from "#domain/plan/configuration-diff.ts";
import { planSteps } from "#domain/plan/impact.ts";
import { restrictionsOf } from "#domain/plan/risk.ts";
import { trustText } from "#domain/plan/trust-keys.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { Admission, ValidReading } from "../engine/admissions.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { RefusedText } from "../ports/plan-store.ts";
import { becameWorse, readyNames } from "./became-worse.ts";
import { editSummary, takenBack, waits, worseReason } from "./edit-words.ts";
import { filePlan } from "./file-plan.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { record } from "./record.ts";
import { runningIn } from "./running.ts";

/** A text that is or was in force. */
export interface KeptText {
  readonly number: number;
  readonly digest: string;
  readonly text: string;
}

/** An edit of the file that is not in force. */
interface Held {
  readonly digest: string;
  readonly failure: Failure;
  /** The plan that a person may approve; absent: it was taken back. */
  readonly plan?: string;
}

/** How long an edit by hand is watched over. */
const watchedMs = 20_000;

/** What of one file is in force, what waits, and what was taken back. */
export class KeptConfiguration {
  readonly path: string;
  readonly #deps: PlanDependencies;
  #inForce: KeptText | undefined;
  #held: Held | undefined;
  #refused: RefusedText | undefined;
  #trustDigest = "";
  /** While a plan is being applied: the text that it wrote. */
  #applying: string | undefined;
  #watch: { readonly good: KeptText; readonly healthy: readonly string[]; readonly end: AbortController } | undefined;
  #exclusive: Promise<unknown> = Promise.resolve();

  constructor(path: string, deps: PlanDependencies) {
    this.path = path;
    this.#deps = deps;
    const kept = deps.plans.inForce(path);
    this.#refused = kept?.refused;
    if (kept?.text === undefined) return;
    const { number, digest } = kept.generation;
    this.#inForce = { number, digest, text: kept.text };
  }

  get inForce(): KeptText | undefined {
    return this.#inForce;
  }
  /** What is wrong with the file although it is valid: it waits, or it was taken back. */
  get finding(): Failure | undefined {
    return this.#held?.failure;
  }
  /** Whether a person trusted the keys that are in force. */
  get trusted(): boolean {
    return this.#trustDigest !== "" && this.#deps.plans.trust(this.path) === this.#trustDigest;
  }

  /** One change at a time. */
  exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#exclusive.then(run);
    this.#exclusive = result.catch(() => undefined);
    return result;
  }

  /** The file is about to have this text, by our own hand; `undefined`: not any more. */
  applying(digest: string | undefined): void {
    this.#watch?.end.abort();
    this.#watch = undefined;
    this.#applying = digest;
  }

  /** A generation that a plan made, or went back to, is in force. */
  put(kept: KeptText): void {
    this.#inForce = kept;
    this.#held = undefined;
    this.#refused = undefined;
  }

  async admit(workspace: Workspace, reading: ValidReading): Promise<Admission> {
    const { configuration, text = "" } = reading;
    const digest = this.#deps.editor.digest(text);
    if (this.#applying !== undefined) {
      if (digest !== this.#applying) return { configuration: workspace.configuration, settled: false };
      await this.#bindTrust(text);
      return { configuration, settled: true };
    }
    const before = this.#inForce;
    if (!before) return this.#begin(digest, text, configuration);
    if (digest === before.digest) {
      this.#settleHeld();
      await this.#bindTrust(text);
      return { configuration, settled: true };
    }
    const old = await this.#configurationOf(workspace, before);
    // What was kept cannot be read any more, by a newer version perhaps: the file is all there is.
    if (!old) return this.#begin(digest, text, configuration);
    if (this.#refused?.digest === digest) return this.#refuse(old, this.#refused);
    return this.#edit(workspace, { digest, text, configuration }, before, old);
  }

  /** What was in force before, read again: variables may have changed. */
  async fallBack(workspace: Workspace): Promise<Configuration | undefined> {
    return this.#inForce && this.#configurationOf(workspace, this.#inForce);
  }

  #begin(digest: string, text: string, configuration: Configuration): Promise<Admission> {
    const summary = `first reading: ${configuration.services.length} services`;
    this.#keep(digest, text, "start", summary);
    return this.#bindTrust(text).then(() => ({ configuration, settled: true }));
  }

  async #edit(
    workspace: Workspace,
    now: { digest: string; text: string; configuration: Configuration },
    before: KeptText,
    old: Configuration,
  ): Promise<Admission> {
    const { editor, plans } = this.#deps;
    const [rawBefore, rawNow] = [await editor.raw(this.path, before.text), await editor.raw(this.path, now.text)];
    const changes = diffConfigurations(rawBefore, rawNow);
    const trust = trustText(rawNow);
    const trusted = trust === trustText(rawBefore) || trust === "" || plans.trust(this.path) === editor.digest(trust);
    const assessed = { changes, after: rawNow, configurations: [old, now.configuration], untrusted: !trusted };
    const reasons = restrictionsOf(assessed);
    const approved = this.#held?.digest === now.digest && this.#isApproved(this.#held);
    if (reasons.length > 0 && !approved)
      return this.#hold(workspace, now, before, old, changes, reasons, trusted ? "" : trust);
    this.#settleHeld();
    this.#refused = undefined;
    this.#keep(now.digest, now.text, "file", editSummary(changes));
    await this.#bindTrust(now.text);
    const healthy = new Set([...readyNames(workspace), ...(this.#watch?.healthy ?? [])]);
    const steps = planSteps(old, now.configuration, runningIn(this.#deps.engine(), workspace), []);
    const touched = [...steps].flatMap(([name, step]) => (step === "restart" ? [name] : []));
    const adopted = (): void => this.#watchOver(workspace, before, [...healthy], touched);
    return { configuration: now.configuration, settled: true, adopted };
  }

  /** Whether the plan of a held edit was approved by a person. */
  #isApproved({ plan, digest }: Held): boolean {
    const kept = plan === undefined ? undefined : this.#deps.plans.plan(plan);
    return kept?.state === "open" && kept.approval?.digest === digest;
  }

  async #hold(
    workspace: Workspace,
    now: { digest: string; text: string; configuration: Configuration },
    before: KeptText,
    old: Configuration,
    changes: readonly ConfigurationChange[],
    reasons: readonly string[],
    trust: string,
  ): Promise<Admission> {
    if (this.#held?.digest !== now.digest || this.#held.plan === undefined) {
      this.#settleHeld();
      const plan = filePlan(this.#deps, workspace, { now, before, old, changes, reasons, trust });
      this.#deps.plans.savePlan(plan);
      const name = basename(this.path);
      const failure = waits(name, plan);
      this.#held = { digest: now.digest, failure, plan: plan.id };
      record(this.#deps, { workspace: this.path, by: "file", did: "planned", plan: plan.id, text: failure.message });
    }
    return { configuration: old, settled: true };
  }

  #refuse(old: Configuration, { digest, reason }: RefusedText): Admission {
    this.#held ??= { digest, failure: takenBack(basename(this.path), reason) };
    return { configuration: old, settled: true };
  }

  #watchOver(workspace: Workspace, before: KeptText, healthy: readonly string[], touched: readonly string[]): void {
    const good = this.#watch?.good ?? before;
    const all = [...new Set([...touched, ...(this.#watch ? healthy : [])])];
    this.#watch?.end.abort();
    const end = new AbortController();
    const watch = { good, healthy, end };
    this.#watch = watch;
    if (all.length === 0 || healthy.length === 0) {
      this.#watch = undefined;
      return;
    }
    const engine = this.#deps.engine();
    const options = { workspace, healthy, touched: all, limitMs: watchedMs, signal: end.signal };
    void becameWorse({ engine, clock: this.#deps.clock }, options)
      .then(async (worse) => {
        if (end.signal.aborted || this.#watch !== watch) return;
        this.#watch = undefined;
        if (worse.length > 0) await this.#takeBack(workspace, good, worseReason(worse));
      })
      // The store is closed, or its disk full: the edit stays in force.
      .catch(() => undefined);
  }

  /** The runtime goes back; the person's file stays as it is. */
  async #takeBack(workspace: Workspace, good: KeptText, reason: string): Promise<void> {
    const digest = this.#inForce?.digest;
    if (digest === undefined || digest === good.digest) return;
    const refused = { digest, reason };
    this.#deps.plans.goBack(this.path, good.number, refused);
    this.#inForce = good;
    this.#refused = refused;
    this.#held = { digest, failure: takenBack(basename(this.path), reason) };
    const { message: text } = this.#held.failure;
    record(this.#deps, { workspace: this.path, by: "file", did: "rolled_back", generation: good.number, text });
    await workspace.reload().catch(() => undefined);
  }

  #keep(digest: string, text: string, origin: "start" | "file", summary: string): void {
    const { plans, clock } = this.#deps;
    const generation = { workspace: this.path, atMs: clock.nowMs(), digest, origin, by: "file", summary };
    const number = plans.addGeneration(generation, text);
    this.#inForce = { number, digest, text };
    if (origin === "start") return;
    const told = `the file was edited: ${summary}`;
    record(this.#deps, { workspace: this.path, by: "file", did: "edited", generation: number, text: told });
  }

  #settleHeld(): void {
    if (this.#held?.plan !== undefined) this.#deps.plans.setPlanState(this.#held.plan, "dropped");
    if (this.#refused) this.#deps.plans.clearRefused(this.path);
    this.#held = undefined;
    this.#refused = undefined;
  }

  async #bindTrust(text: string): Promise<void> {
    const trust = mayWantTrust.test(text) ? trustText(await this.#deps.editor.raw(this.path, text)) : "";
    this.#trustDigest = trust === "" ? "" : this.#deps.editor.digest(trust);
  }

  async #configurationOf(workspace: Workspace, { text }: KeptText): Promise<Configuration | undefined> {
    const reading = await this.#deps.editor.interpret(workspace.path, text, this.#deps.lookup(workspace.path));
    return reading.ok ? reading.configuration : undefined;
  }
}

/** A text without one of these words has no such key, and need not be looked through. */
const mayWantTrust = /\$\{(?:file|command):|command|exec/;
