import { ConnectivityError } from "#domain/connectivity-error.ts";
import { stopLayers } from "#domain/dependency-order.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import { inheritedWants } from "#domain/inherited-wants.ts";
import { relinked } from "#domain/plan/impact.ts";
import { sameTarget } from "#domain/plan/same-target.ts";
import { sameValue } from "#domain/plan/raw-configuration.ts";
import type { ServiceCondition } from "#domain/service-state.ts";
import type { ConfigProblem, Configuration, ServiceDeclaration } from "#domain/spec/configuration.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigSource, VariableLookup } from "../ports/config-source.ts";
import { filelessConfiguration, filelessWorkspace, type AdHocServices } from "./ad-hoc-services.ts";
import type { Admissions, ValidReading } from "./admissions.ts";
import { invalidConfiguration, unreadable } from "./configuration-problems.ts";
import { gate, obstacle } from "./gate.ts";
import { ReadingQueue } from "./reading-queue.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

export interface WorkspaceDependencies {
  readonly clock: Clock;
  readonly configSource: ConfigSource;
  readonly lookup: VariableLookup;
  /** What clients connected ad hoc. */
  readonly adHoc: AdHocServices;
  /** What is stored as wanted, by name. */
  readonly wanted: readonly string[];
  makeRuntime(spec: ServiceSpec, onCondition: () => void): ServiceRuntime;
  readonly admissions: Admissions;
  /** A wanted service came to depend on another one by an edit: that one is wanted too. */
  onInherited(dependency: string, dependent: string): void;
}

/**
 * One configuration file and the running side of what it declares. What is wanted is kept by name, so that a service
 * whose declaration is broken, switched off or gone for a while comes back with it.
 */
export class Workspace {
  readonly path: string;
  readonly #deps: WorkspaceDependencies;
  readonly #runtimes = new Map<string, ServiceRuntime>();
  /** Name, and since when. */
  readonly #wanted: Map<string, number>;
  /** What each one depended on when it was last declared: it may be away for an edit or two. */
  #dependedOn = new Map<string, readonly string[]>();
  #declared = new Map<string, ServiceDeclaration>();
  #configuration: Configuration | undefined;
  #problems: readonly ConfigProblem[] = [];
  #fingerprint: string | undefined;
  #variableValues: string | undefined;
  readonly #readings = new ReadingQueue(() => this.#refresh());
  readonly #dependsOn = (name: string): readonly string[] => this.#declared.get(name)?.spec?.dependsOn ?? [];
  #watching: Disposable | undefined;

  constructor(path: string, deps: WorkspaceDependencies) {
    this.path = path;
    this.#deps = deps;
    this.#wanted = new Map(deps.wanted.map((name) => [name, deps.clock.nowMs()]));
  }

  /** The last valid reading. @throws ConnectivityError `config_invalid`, `config_not_found` when there never was one */
  get configuration(): Configuration {
    if (this.#configuration) return this.#configuration;
    throw invalidConfiguration(this.path, this.#problems);
  }

  /** Why the file as it is now is not in force; empty when it is. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /**
   * Reads the file again when it, or a variable that it uses, changed; replaces only the services that did. What was
   * written before the call is seen: a reading that is on its way is not enough.
   */
  refresh(): Promise<void> {
    return this.#readings.ask();
  }

  /** What the file declares, then what was connected ad hoc; a name of the file counts for the file. */
  get services(): readonly ServiceDeclaration[] {
    return [...this.#declared.values()];
  }

  isAdHoc(name: string): boolean {
    return this.#declared.has(name) && !this.configuration.services.some((service) => service.name === name);
  }

  /** Declares a connection that no file has; one of the same name and another target is replaced. */
  async declareAdHoc(declaration: Readonly<Record<string, unknown>>): Promise<ServiceDeclaration> {
    const declared = this.#deps.adHoc.add(declaration, (name) => this.#wanted.has(name));
    await this.#adopt(this.configuration);
    return declared;
  }

  /** The same although the file is as it was: what of it is in force was decided anew. */
  reload(): Promise<void> {
    this.#fingerprint = undefined;
    return this.refresh();
  }

  declaration(name: string): ServiceDeclaration | undefined {
    return this.#declared.get(name);
  }

  runtime(name: string): ServiceRuntime | undefined {
    return this.#runtimes.get(name);
  }

  runtimes(): Iterable<ServiceRuntime> {
    return this.#runtimes.values();
  }

  isWanted(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** Wanted services, in the order in which they came to be; `undeclared`: those that the file does not have (now). */
  wantedNames(which: "declared" | "undeclared"): string[] {
    return [...this.#wanted.keys()].filter((name) => this.#declared.has(name) === (which === "declared"));
  }

  condition(name: string): ServiceCondition {
    const wantedSinceMs = this.#wanted.get(name);
    const failure = wantedSinceMs === undefined ? undefined : obstacle(this.#declared.get(name));
    if (failure) return { state: errorCatalogue[failure.code].shows, failure, sinceMs: wantedSinceMs as number };
    return this.#runtimes.get(name)?.condition ?? { state: "stopped" };
  }

  /** Wants the services up; those they depend on are expected among them. Ports open at once, dials follow the order. */
  async start(names: readonly string[]): Promise<void> {
    for (const name of names) if (!this.#wanted.has(name)) this.#wanted.set(name, this.#deps.clock.nowMs());
    const starting = names.flatMap((name) =>
      obstacle(this.#declared.get(name)) ? [] : (this.#runtimes.get(name) ?? []),
    );
    for (const runtime of starting) gate(runtime, this);
    await Promise.all(starting.map((runtime) => runtime.start()));
    this.#gateAll();
  }

  async stop(names: readonly string[]): Promise<void> {
    for (const name of names) this.#wanted.delete(name);
    for (const layer of stopLayers(names, this.#dependsOn))
      await Promise.all(
        layer.flatMap((name) => (this.#wanted.has(name) ? [] : (this.#runtimes.get(name)?.stop() ?? []))),
      );
    this.#gateAll();
  }

  /** Does not want them any more, once they are not declared. */
  forget(names: readonly string[]): void {
    for (const name of names) if (!this.#declared.has(name)) this.#wanted.delete(name);
  }

  async close(): Promise<void> {
    // A reading that is on its way begins no watch any more.
    (this.#watching ??= { [Symbol.dispose]: () => undefined })[Symbol.dispose]();
    await this.stop([...this.#runtimes.keys()]);
  }

  async #refresh(): Promise<void> {
    if (this.path === filelessWorkspace) return this.#configuration ? undefined : this.#adopt(filelessConfiguration);
    const fingerprint = await this.#deps.configSource.fingerprint(this.path);
    const values = this.#valuesOf(this.#configuration?.variables ?? []);
    const unchanged = fingerprint !== undefined && fingerprint === this.#fingerprint;
    // What is wrong with a file may be a variable that only the invalid reading uses.
    if (unchanged && values === this.#variableValues && this.#problems.length === 0) return;
    try {
      const reading = await this.#deps.configSource.read(this.path, this.#deps.lookup);
      this.#fingerprint = fingerprint;
      this.#problems = reading.ok ? [] : reading.problems;
      if (reading.ok) await this.#admit(reading);
      else if (!this.#configuration) await this.#fallBack();
    } catch (thrown) {
      if (!(thrown instanceof ConnectivityError)) throw thrown;
      if (!this.#configuration && thrown.code === "config_invalid") await this.#fallBack();
      if (!this.#configuration) throw thrown;
      this.#problems = [unreadable(thrown)];
    }
    this.#watching ??= this.#deps.admissions.watch(this);
  }

  /** A valid reading is in force unless it has to wait for a person, or made something worse before. */
  async #admit(reading: ValidReading): Promise<void> {
    const { configuration, settled, adopted } = await this.#deps.admissions.admit(this, reading);
    if (!settled) this.#fingerprint = undefined;
    await this.#adopt(configuration);
    adopted?.();
  }

  /** After a restart an invalid file changes nothing either: what was in force before is again. */
  async #fallBack(): Promise<void> {
    const kept = await this.#deps.admissions.fallBack(this);
    if (kept) await this.#adopt(kept);
  }

  /** Replaces the runtimes whose declaration changed, and starts what is wanted and can run now. */
  async #adopt(configuration: Configuration): Promise<void> {
    const isFirst = this.#configuration === undefined;
    this.#configuration = configuration;
    this.#variableValues = this.#valuesOf(configuration.variables);
    this.#declared = new Map(configuration.services.map((service) => [service.name, service]));
    for (const service of this.#deps.adHoc.declarations())
      if (!this.#declared.has(service.name)) this.#declared.set(service.name, service);
    const specs = new Map([...this.#declared].flatMap(([name, { spec }]) => (spec ? [[name, spec] as const] : [])));
    const moved = relinked(new Map([...this.#runtimes].map(([name, { spec }]) => [name, spec])), specs);
    const outdated = [...this.#runtimes].filter(([name]) => !specs.has(name) || moved.has(name));
    const replaced = new Map(outdated.filter(([name, runtime]) => staysReachable(runtime, this.#declared.get(name))));
    const ended = outdated.filter(([name]) => !replaced.has(name));
    for (const [name] of ended) this.#runtimes.delete(name);
    // What is replaced stays known meanwhile, so that it can be stopped.
    await Promise.all(ended.map(([, runtime]) => runtime.stop()));
    const bound: string[] = [];
    for (const { name, spec } of this.#declared.values()) {
      if (!spec) continue;
      const running = this.#runtimes.get(name);
      const isReplaced = running !== undefined && replaced.get(name) === running;
      if (running && !isReplaced) {
        if (!sameValue(running.spec.dependsOn, spec.dependsOn) && this.#wanted.has(name)) bound.push(name);
        running.redeclare(spec);
        continue;
      }
      const runtime = this.#deps.makeRuntime(spec, () => this.#gateAll());
      if (running?.wanted) runtime.takeOver(running);
      this.#runtimes.set(name, runtime);
    }
    const before = this.#dependedOn;
    this.#dependedOn = new Map([...before].filter(([name]) => this.#wanted.has(name)));
    for (const name of this.#declared.keys()) this.#dependedOn.set(name, this.#dependsOn(name));
    const idle = (name: string): boolean => !this.#runtimes.get(name)?.wanted;
    const starting = this.wantedNames("declared").filter(idle);
    if (isFirst) return this.start(starting);
    const dependedOn = (name: string): readonly string[] => before.get(name) ?? [];
    const { order, inherited } = inheritedWants([...starting, ...bound], this.#wanted, this.#dependsOn, dependedOn);
    for (const { dependency, dependent } of inherited) this.#deps.onInherited(dependency, dependent);
    await this.start(order.filter(idle));
  }

  #valuesOf(variables: readonly string[]): string {
    return JSON.stringify(variables.map((name) => this.#deps.lookup(name) ?? null));
  }

  #gateAll(): void {
    for (const [name, runtime] of this.#runtimes) if (runtime.wanted && this.#wanted.has(name)) gate(runtime, this);
  }
}

/** Whether it is to run as it is declared now, at the same local end with the same target: then nothing need be cut. */
const staysReachable = ({ wanted, spec }: ServiceRuntime, declared: ServiceDeclaration | undefined): boolean =>
  wanted && declared?.spec !== undefined && !obstacle(declared) && sameTarget(spec, declared.spec);
