import { isDeepStrictEqual } from "node:util";
import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import type { ServiceCondition } from "#domain/service-state.ts";
import type { ConfigProblem, Configuration, ServiceDeclaration } from "#domain/spec/configuration.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigSource, VariableLookup } from "../ports/config-source.ts";
import type { ServiceRuntime } from "./service-runtime.ts";

export interface WorkspaceDependencies {
  readonly clock: Clock;
  readonly configSource: ConfigSource;
  readonly lookup: VariableLookup;
  makeRuntime(spec: ServiceSpec, onCondition: () => void): ServiceRuntime;
}

/** One configuration file and the running side of what it declares. */
export class Workspace {
  readonly path: string;
  readonly #deps: WorkspaceDependencies;
  readonly #runtimes = new Map<string, ServiceRuntime>();
  /** Wanted services whose declaration cannot run as it stands. */
  readonly #wantedBroken = new Map<string, number>();
  #configuration: Configuration | undefined;
  #problems: readonly ConfigProblem[] = [];
  #fingerprint: string | undefined;
  #variableValues: string | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(path: string, deps: WorkspaceDependencies) {
    this.path = path;
    this.#deps = deps;
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

  /** Reads the file again when it, or a variable that it uses, changed; replaces only the services that did. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  declaration(name: string): ServiceDeclaration | undefined {
    return this.#configuration?.services.find((service) => service.name === name);
  }

  runtime(name: string): ServiceRuntime | undefined {
    return this.#runtimes.get(name);
  }

  runtimes(): Iterable<ServiceRuntime> {
    return this.#runtimes.values();
  }

  isWanted(name: string): boolean {
    return this.#wantedBroken.has(name) || (this.#runtimes.get(name)?.wanted ?? false);
  }

  condition(name: string): ServiceCondition {
    const brokenSinceMs = this.#wantedBroken.get(name);
    const failure = this.declaration(name)?.failure;
    if (brokenSinceMs !== undefined && failure) {
      return { state: failure.code === "variable_missing" ? "waiting" : "failed", failure, sinceMs: brokenSinceMs };
    }
    return this.#runtimes.get(name)?.condition ?? { state: "stopped" };
  }

  /** Wants the services up; those they depend on are expected among them. Ports open at once, dials follow the order. */
  async start(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.declaration(name)?.failure) this.#wantedBroken.set(name, this.#deps.clock.nowMs());
    }
    const starting = names.flatMap((name) => this.#runtimes.get(name) ?? []);
    for (const runtime of starting) this.#gate(runtime);
    await Promise.all(starting.map((runtime) => runtime.start()));
    this.#gateAll();
  }

  async stop(names: readonly string[]): Promise<void> {
    for (const name of names) this.#wantedBroken.delete(name);
    await Promise.all(names.flatMap((name) => this.#runtimes.get(name)?.stop() ?? []));
  }

  async close(): Promise<void> {
    await this.stop([...this.#runtimes.keys()]);
  }

  async #refresh(): Promise<void> {
    const fingerprint = await this.#deps.configSource.fingerprint(this.path);
    const values = this.#valuesOf(this.#configuration?.variables ?? []);
    const unchanged = this.#fingerprint !== undefined && fingerprint === this.#fingerprint;
    if (unchanged && values === this.#variableValues) return;
    try {
      const reading = await this.#deps.configSource.read(this.path, this.#deps.lookup);
      this.#fingerprint = fingerprint;
      this.#problems = reading.ok ? [] : reading.problems;
      if (reading.ok) await this.#adopt(reading.configuration);
    } catch (thrown) {
      if (!this.#configuration || !(thrown instanceof ConnectivityError)) throw thrown;
      this.#problems = [unreadable(thrown)];
    }
  }

  async #adopt(configuration: Configuration): Promise<void> {
    this.#configuration = configuration;
    this.#variableValues = this.#valuesOf(configuration.variables);
    const declared = new Map(configuration.services.map((service) => [service.name, service]));
    const restart: string[] = [...this.#wantedBroken.keys()];
    for (const [name, runtime] of this.#runtimes) {
      if (isDeepStrictEqual(runtime.spec, declared.get(name)?.spec)) continue;
      if (runtime.wanted && declared.has(name)) restart.push(name);
      this.#runtimes.delete(name);
      await runtime.stop();
    }
    for (const { name, spec } of declared.values()) {
      if (spec && !this.#runtimes.has(name))
        this.#runtimes.set(
          name,
          this.#deps.makeRuntime(spec, () => this.#gateAll()),
        );
    }
    this.#wantedBroken.clear();
    await this.start(restart.filter((name) => declared.has(name)));
  }

  #valuesOf(variables: readonly string[]): string {
    return JSON.stringify(variables.map((name) => this.#deps.lookup(name) ?? null));
  }

  #gateAll(): void {
    for (const runtime of this.#runtimes.values()) if (runtime.wanted) this.#gate(runtime);
  }

  /** A service that was never up waits for all that it depends on; one that is up is left alone. */
  #gate(runtime: ServiceRuntime): void {
    const missing = runtime.spec.dependsOn.filter((name) => this.condition(name).state !== "ready");
    const broken = missing.find((name) => this.condition(name).failure !== undefined);
    if (missing.length === 0) runtime.unblock();
    else runtime.block(broken === undefined ? undefined : dependencyFailed(broken, this.condition(broken).failure));
  }
}

/** The dependency with its own cause; where that is again a dependency, the root is named. */
function dependencyFailed(dependency: string, cause: Failure | undefined): Failure {
  const root =
    cause?.code === "dependency_failed" ? cause.facts : { dependency, code: cause?.code ?? "internal_error" };
  const code = String(root?.["root_code"] ?? root?.["code"]);
  const service = String(root?.["root_service"] ?? dependency);
  return {
    code: "dependency_failed",
    message: `waits for ${dependency}${service === dependency ? "" : ` (because of ${service})`}: ${code}`,
    facts: { dependency, root_service: service, root_code: code },
  };
}

/** One error for a file with any number of problems; the first is in the message, all are in the facts. */
function invalidConfiguration(path: string, problems: readonly ConfigProblem[]): ConnectivityError {
  const errors = problems.filter((problem) => problem.severity === "error");
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const where = first ? `${path}:${first.line}:${first.column}: ${first.message}${more}` : path;
  return new ConnectivityError("config_invalid", `the configuration is not valid: ${where}`, {
    file: path,
    problems: errors.slice(0, 20).map(describeProblem),
  });
}

/** One line: place, sentence, the nearest valid name. */
export function describeProblem({ line, column, message, nearest }: ConfigProblem): string {
  return `${line}:${column}: ${message}${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`;
}

const unreadable = (error: ConnectivityError): ConfigProblem => ({
  severity: "error",
  code: "config_invalid",
  message: error.message,
  path: "",
  line: 1,
  column: 1,
});
