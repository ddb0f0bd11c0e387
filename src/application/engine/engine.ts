import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isAboutAccess } from "#domain/access-causes.ts";
import { startOrder } from "#domain/dependency-order.ts";
import type { ServiceSpec, Technology } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { AdHocStore } from "../ports/ad-hoc-store.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigSource, VariableLookup } from "../ports/config-source.ts";
import type { ForwardDriver } from "../ports/forward-driver.ts";
import type { LocalAddresses } from "../ports/local-addresses.ts";
import type { LocalListeners } from "../ports/local-listener.ts";
import type { Probes } from "../ports/probe.ts";
import type { Route } from "../ports/route.ts";
import type { LogQuery, ServiceLog } from "../ports/service-logs.ts";
import type { LeaseHolder, StateStore, WantedService } from "../ports/state-store.ts";
import type { Recorder } from "../history/recorder.ts";
import { AdHocServices } from "./ad-hoc-services.ts";
import type { Admissions } from "./admissions.ts";
import { EventLog } from "./event-log.ts";
import { Leases } from "./leases.ts";
import { LocalEnds, portMoved } from "./local-ends.ts";
import { composeRoute } from "./routes.ts";
import { runtimeEvents } from "./runtime-events.ts";
import { ServiceRuntime } from "./service-runtime.ts";
import { WakeDetector, type WakeReason } from "./wake.ts";
import { wakeServices, wakeWords } from "./wake-services.ts";
import { Workspace } from "./workspace.ts";

export interface EngineDependencies {
  readonly adHoc: AdHocStore;
  readonly clock: Clock;
  readonly store: StateStore;
  readonly recorder: Recorder;
  readonly configSource: ConfigSource;
  readonly listeners: LocalListeners;
  readonly addresses: LocalAddresses;
  readonly probes: Probes;
  /** Loads the driver of a technology on first use. */
  driver(technology: Technology): Promise<ForwardDriver>;
  access(workspace: string): Access;
  lookup(workspace: string): VariableLookup;
  /** Whether a client is connected: only then does its lease count. */
  isConnected(clientId: string): boolean;
  readonly admissions: Admissions;
}

/** All workspaces of this user: what is wanted, what runs, who holds which port. The wanted state outlives the process. */
export class Engine {
  readonly events: EventLog;
  readonly #deps: EngineDependencies;
  readonly #leases: Leases;
  readonly #localEnds: LocalEnds;
  readonly #wakes: WakeDetector;
  readonly #workspaces = new Map<string, Workspace>();

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
    this.#leases = new Leases(deps);
    this.#wakes = new WakeDetector(deps.clock, deps.addresses, (reason) => this.#wake(reason));
    const { recorder } = deps;
    this.events = new EventLog(recorder.lastEventId);
    this.events.onEvent((event) => recorder.event(event));
    const logged = (owner: WantedService) => ({ ...owner, atMs: deps.clock.nowMs() });
    this.#localEnds = new LocalEnds({
      listeners: deps.listeners,
      store: deps.store,
      onMoved: (owner, moved) => this.events.add({ ...logged(owner), ...portMoved(moved) }),
      onError: (owner, { message, code }) =>
        this.events.add({ ...logged(owner), kind: "connection", text: message, code }),
    });
  }

  /** The workspace of a file, read again when it changed. @throws ConnectivityError `config_invalid`, `config_not_found` */
  async workspace(path: string): Promise<Workspace> {
    await this.#deps.admissions.recover();
    let workspace = this.#workspaces.get(path);
    if (!workspace) {
      workspace = this.#makeWorkspace(path);
      this.#workspaces.set(path, workspace);
    }
    await workspace.refresh();
    return workspace;
  }

  workspaces(): Iterable<Workspace> {
    return this.#workspaces.values();
  }

  /** Wants services up, with all that they depend on, for a client. Returns every name that is now wanted, in start order. */
  async start(workspace: Workspace, names: readonly string[], holder: LeaseHolder): Promise<string[]> {
    const order = startOrder(names, dependenciesIn(workspace));
    for (const service of names) this.#asked(workspace, service, holder, "asked to start it");
    this.#leases.want(workspace.path, order, holder);
    await workspace.start(order);
    return order;
  }

  /**
   * Stops services, dependents first. One that another connected client wants stays, unless forced.
   * Returns what stopped, and what stayed and for whom.
   */
  async stop(
    workspace: Workspace,
    names: readonly string[],
    holder: LeaseHolder,
    force: boolean,
  ): Promise<{ stopped: string[]; kept: { service: string; for: string[] }[] }> {
    const stopped: string[] = [];
    const kept: { service: string; for: string[] }[] = [];
    for (const service of names.filter((name) => workspace.isWanted(name))) {
      const others = this.#leases.release({ workspace: workspace.path, service }, holder, force);
      if (others.length > 0) {
        kept.push({ service, for: [...others] });
        continue;
      }
      this.#asked(workspace, service, holder, force ? "asked to stop it for everybody" : "asked to stop it");
      stopped.push(service);
    }
    await workspace.stop(stopped.toReversed());
    return { stopped, kept };
  }

  #asked(workspace: Workspace, service: string, { clientName }: LeaseHolder, text: string): void {
    const atMs = this.#deps.clock.nowMs();
    this.events.add({ workspace: workspace.path, service, kind: "client", atMs, text, by: clientName });
  }

  /** Names of the other connected clients that want a service up. */
  othersWanting(workspace: Workspace, service: string, clientId: string): string[] {
    return this.#leases.others({ workspace: workspace.path, service }, clientId);
  }

  /**
   * Brings back what was wanted when the last process ended. A workspace that cannot be read now stays wanted, and comes
   * back with the first call that finds it readable.
   */
  async restore(): Promise<void> {
    await this.#deps.admissions.recover();
    const paths = new Set(this.#deps.store.wanted().map(({ workspace }) => workspace));
    await Promise.all([...paths].map((path) => this.workspace(path).catch(() => undefined)));
  }

  /** A client brought another environment: read again what depends on it, and try again what waits. */
  async environmentChanged(path: string): Promise<void> {
    const workspace = this.#workspaces.get(path);
    if (!workspace) return;
    await workspace.refresh().catch(() => undefined);
    for (const runtime of workspace.runtimes()) {
      const { failure } = runtime.condition;
      if (failure && isAboutAccess(failure.code)) runtime.retry();
    }
  }

  /** The service's own log. @throws ConnectivityError `not_supported` where its technology knows none; why it cannot be read */
  async log({ path }: Workspace, spec: ServiceSpec, query: LogQuery, signal: AbortSignal): Promise<ServiceLog> {
    const driver = await this.#deps.driver(spec.technology);
    if (!driver.log) {
      const message = `the log of a service behind ${spec.technology} cannot be read from here; link_logs has what happened to its connection`;
      throw new ConnectivityError("not_supported", message, { service: spec.name, technology: spec.technology });
    }
    const route = await this.#route(path, spec);
    return driver.log(spec, query, { signal, access: this.#deps.access(path), ...(route && { route }) });
  }

  /** Forwarded connections that are open now, over all workspaces. */
  get connections(): number {
    return this.#runtimes().reduce((sum, runtime) => sum + runtime.connections, 0);
  }

  /** What is wanted of a file that is gone, or that does not declare it, does not count: it cannot run. */
  get counts(): { wanted: number; ready: number; defined: number } {
    const runtimes = this.#runtimes();
    const wanted = [...this.#workspaces.values()].map((workspace) => workspace.wantedNames("declared").length);
    return {
      wanted: wanted.reduce((sum, count) => sum + count, 0),
      ready: runtimes.filter((runtime) => runtime.condition.state === "ready").length,
      defined: runtimes.length,
    };
  }

  async close(): Promise<void> {
    this.#wakes[Symbol.dispose]();
    await Promise.all([...this.#workspaces.values()].map((workspace) => workspace.close()));
    this.#deps.recorder.close();
  }

  #runtimes(): ServiceRuntime[] {
    return [...this.#workspaces.values()].flatMap((workspace) => [...workspace.runtimes()]);
  }

  #wake(reason: WakeReason): void {
    const event = { kind: "network" as const, atMs: this.#deps.clock.nowMs(), text: wakeWords(reason) };
    for (const [workspace, held] of this.#workspaces)
      for (const service of held.wantedNames("declared")) this.events.add({ workspace, service, ...event });
    wakeServices(this.#runtimes(), (technology) => this.#deps.driver(technology));
  }

  #makeWorkspace(path: string): Workspace {
    const { clock, configSource } = this.#deps;
    return new Workspace(path, {
      adHoc: new AdHocServices(path, this.#deps.adHoc, clock),
      clock,
      configSource,
      admissions: this.#deps.admissions,
      lookup: this.#deps.lookup(path),
      wanted: this.#deps.store.wanted().flatMap(({ workspace, service }) => (workspace === path ? [service] : [])),
      onInherited: (dependency, dependent) => this.#leases.inherit(path, dependency, dependent),
      makeRuntime: (spec, onCondition) => this.#makeRuntime(path, spec, onCondition),
    });
  }

  #route(path: string, spec: ServiceSpec): Promise<Route | undefined> {
    return composeRoute(spec, {
      access: this.#deps.access(path),
      service: (name) => this.#workspaces.get(path)?.declaration(name)?.spec,
      driver: (technology) => this.#deps.driver(technology),
    });
  }

  #makeRuntime(path: string, spec: ServiceSpec, onCondition: () => void): ServiceRuntime {
    const { clock, probes } = this.#deps;
    const told = runtimeEvents({ workspace: path, service: spec.name }, { ...this.#deps, events: this.events });
    const access = this.#deps.access(path);
    return new ServiceRuntime(spec, {
      clock,
      probes,
      access,
      driver: () => this.#deps.driver(spec.technology),
      route: () => this.#route(path, spec),
      farPort: this.#localEnds.farPort({ workspace: path, service: spec.name }),
      listen: (service, onConnection) => {
        const listen = service.listen.replace(/^~(?=\/)/, access.homeDir);
        return this.#localEnds.listen({ workspace: path, service: service.name }, { ...service, listen }, onConnection);
      },
      ...told,
      onCondition: (condition, before) => {
        told.onCondition(condition, before);
        onCondition();
      },
    });
  }
}

const dependenciesIn =
  (workspace: Workspace) =>
  (name: string): readonly string[] =>
    workspace.declaration(name)?.spec?.dependsOn ?? [];
