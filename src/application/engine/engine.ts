import { ConnectivityError } from "#domain/connectivity-error.ts";
import { startOrder } from "#domain/dependency-order.ts";
import type { ServiceCondition } from "#domain/service-state.ts";
import type { ServiceSpec, Technology } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConfigSource, VariableLookup } from "../ports/config-source.ts";
import type { ForwardDriver } from "../ports/forward-driver.ts";
import type { LocalConnection, LocalListener, LocalListeners } from "../ports/local-listener.ts";
import type { Probes } from "../ports/probe.ts";
import type { LeaseHolder, StateStore } from "../ports/state-store.ts";
import { EventLog } from "./event-log.ts";
import { PortClaims } from "./port-claims.ts";
import { ServiceRuntime } from "./service-runtime.ts";
import { Workspace } from "./workspace.ts";

export interface EngineDependencies {
  readonly clock: Clock;
  readonly store: StateStore;
  readonly configSource: ConfigSource;
  readonly listeners: LocalListeners;
  readonly probes: Probes;
  /** Loads the driver of a technology on first use. */
  driver(technology: Technology): Promise<ForwardDriver>;
  access(workspace: string): Access;
  lookup(workspace: string): VariableLookup;
  /** Whether a client is connected: only then does its lease count. */
  isConnected(clientId: string): boolean;
}

/** All workspaces of this user: what is wanted, what runs, who holds which port. The wanted state outlives the process. */
export class Engine {
  readonly events = new EventLog();
  readonly #deps: EngineDependencies;
  readonly #claims = new PortClaims();
  readonly #workspaces = new Map<string, Workspace>();

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
  }

  /** The workspace of a file, read again when it changed. @throws ConnectivityError `config_invalid`, `config_not_found` */
  async workspace(path: string): Promise<Workspace> {
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
    const atMs = this.#deps.clock.nowMs();
    for (const service of order) this.#deps.store.setWanted({ workspace: workspace.path, service }, holder, atMs);
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
      const wanted = { workspace: workspace.path, service };
      this.#deps.store.dropLease(wanted, holder.clientId);
      const others = this.#deps.store.leases(wanted).filter((lease) => this.#deps.isConnected(lease.clientId));
      if (others.length > 0 && !force) {
        kept.push({ service, for: [...new Set(others.map((lease) => lease.clientName))] });
      } else {
        this.#deps.store.clearWanted(wanted);
        stopped.push(service);
      }
    }
    await workspace.stop(stopped.toReversed());
    return { stopped, kept };
  }

  /** Brings back what was wanted when the last process ended. A workspace that cannot be read now stays wanted. */
  async restore(): Promise<void> {
    const byWorkspace = Map.groupBy(this.#deps.store.wanted(), ({ workspace }) => workspace);
    await Promise.all(
      [...byWorkspace].map(async ([path, wanted]) => {
        const workspace = await this.workspace(path).catch(() => undefined);
        if (!workspace) return;
        const known = wanted.map(({ service }) => service).filter((service) => workspace.declaration(service));
        await workspace.start(known);
      }),
    );
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

  /** Forwarded connections that are open now, over all workspaces. */
  get connections(): number {
    return this.#runtimes().reduce((sum, runtime) => sum + runtime.connections, 0);
  }

  get counts(): { wanted: number; ready: number; defined: number } {
    const runtimes = this.#runtimes();
    return {
      wanted: this.#deps.store.wanted().length,
      ready: runtimes.filter((runtime) => runtime.condition.state === "ready").length,
      defined: runtimes.length,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workspaces.values()].map((workspace) => workspace.close()));
  }

  #runtimes(): ServiceRuntime[] {
    return [...this.#workspaces.values()].flatMap((workspace) => [...workspace.runtimes()]);
  }

  #makeWorkspace(path: string): Workspace {
    const { clock, configSource } = this.#deps;
    return new Workspace(path, {
      clock,
      configSource,
      lookup: this.#deps.lookup(path),
      makeRuntime: (spec, onCondition) => this.#makeRuntime(path, spec, onCondition),
    });
  }

  #makeRuntime(path: string, spec: ServiceSpec, onCondition: () => void): ServiceRuntime {
    const { clock, probes } = this.#deps;
    const log = { workspace: path, service: spec.name };
    return new ServiceRuntime(spec, {
      clock,
      probes,
      access: this.#deps.access(path),
      driver: () => this.#deps.driver(spec.technology),
      listen: (service, onConnection) => this.#listen(path, service, onConnection),
      onCondition: (condition, before) => {
        this.events.add({ ...log, kind: "state", atMs: clock.nowMs(), ...conditionEvent(condition, before) });
        onCondition();
      },
      onConnectionEnd: ({ ended, bytesUp, bytesDown }) => {
        if (ended === "closed") return;
        const text = `a connection ended: ${ended.replaceAll("_", " ")} after ${bytesUp} bytes up and ${bytesDown} down`;
        this.events.add({ ...log, kind: "connection", atMs: clock.nowMs(), text });
      },
    });
  }

  /** The declared port, or for none the remembered one, or a free one that is remembered from now on. */
  async #listen(
    workspace: string,
    service: ServiceSpec,
    onConnection: (connection: LocalConnection) => void,
  ): Promise<LocalListener> {
    const owner = { workspace, service: service.name };
    if (service.localPort !== 0) return this.#claimAndListen(owner, service, service.localPort, onConnection);
    const remembered = this.#deps.store.rememberedPort(owner);
    if (remembered !== undefined) {
      try {
        return await this.#claimAndListen(owner, service, remembered, onConnection);
      } catch (thrown) {
        if (!(thrown instanceof ConnectivityError) || thrown.code !== "local_port_in_use") throw thrown;
      }
    }
    const listener = await this.#deps.listeners.listen(service.listen, 0, onConnection);
    this.#deps.store.rememberPort(owner, listener.port);
    return claimed(listener, this.#claims.claim(listener.port, owner));
  }

  async #claimAndListen(
    owner: { workspace: string; service: string },
    service: ServiceSpec,
    port: number,
    onConnection: (connection: LocalConnection) => void,
  ): Promise<LocalListener> {
    const claim = this.#claims.claim(port, owner);
    try {
      return claimed(await this.#deps.listeners.listen(service.listen, port, onConnection), claim);
    } catch (thrown) {
      claim[Symbol.dispose]();
      throw thrown;
    }
  }
}

const claimed = (listener: LocalListener, claim: Disposable): LocalListener => ({
  host: listener.host,
  port: listener.port,
  close: () => listener.close().finally(() => claim[Symbol.dispose]()),
});

const dependenciesIn =
  (workspace: Workspace) =>
  (name: string): readonly string[] =>
    workspace.declaration(name)?.spec?.dependsOn ?? [];

/** Causes that a client's environment can take away: a variable, a program of its PATH, an agent socket, a login. */
const isAboutAccess = (code: string): boolean =>
  code === "variable_missing" || /^(ssh_(key|agent|auth)|kubeconfig|context|credential)/.test(code);

function conditionEvent(
  condition: ServiceCondition,
  before: ServiceCondition,
): { text: string; code?: NonNullable<ServiceCondition["failure"]>["code"]; untrusted?: string } {
  const { failure } = condition;
  const text = `${before.state} → ${condition.state}${failure ? `: ${failure.message}` : ""}`;
  return {
    text,
    ...(failure && { code: failure.code }),
    ...(failure?.untrusted !== undefined && { untrusted: failure.untrusted }),
  };
}
