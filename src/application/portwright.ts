import type { ClientHello, ClientSession } from "./client.ts";
import { Clients } from "./clients.ts";
import { Engine, type EngineDependencies } from "./engine/engine.ts";
import type { Access } from "./ports/access.ts";
import type { UseCases } from "./surface/use-cases.ts";
import { controlService } from "./usecases/control-service.ts";
import { diagnose } from "./usecases/diagnose.ts";
import { getStatus } from "./usecases/get-status.ts";
import { Operations } from "./usecases/operations.ts";
import { probe } from "./usecases/probe.ts";
import { query } from "./usecases/query.ts";
import { declaredNames, readService, readStatus } from "./usecases/read.ts";
import { startEnvironment } from "./usecases/start-environment.ts";
import { stopEnvironment } from "./usecases/stop-environment.ts";
import { waitFor } from "./usecases/wait-for.ts";

export interface PortwrightDependencies extends Omit<EngineDependencies, "access" | "lookup" | "isConnected"> {
  /** The daemon's own environment, the last one that is asked for a variable. */
  readonly ownEnvironment: Readonly<Record<string, string>>;
  /** Makes the access of a workspace over the merged environment of its clients, asked anew each time. */
  makeAccess(workspace: string, environment: () => Readonly<Record<string, string>>): Access;
}

/** The application, as a daemon runs it for its clients. */
export interface Portwright {
  connect(hello: ClientHello): Promise<ClientSession>;
  /** Brings back what was wanted when the last process ended. */
  restore(): Promise<void>;
  status(): {
    readonly services: { readonly wanted: number; readonly ready: number; readonly defined: number };
    readonly connections: number;
  };
  /** Stops everything; what is wanted stays wanted for the next start. */
  close(): Promise<void>;
}

/** The same with what its surface (tools, resources, prompts) calls. */
export interface Application extends Portwright {
  readonly useCases: UseCases;
}

/** Joins engine, clients and use cases. */
export function createPortwright(deps: PortwrightDependencies): Application {
  const clients = new Clients({
    configSource: deps.configSource,
    store: deps.store,
    ownEnvironment: deps.ownEnvironment,
    onEnvironment: (workspace) => void engine.environmentChanged(workspace),
    nowMs: () => deps.clock.nowMs(),
  });
  const accesses = new Map<string, Access>();
  const access = (workspace: string): Access => {
    let known = accesses.get(workspace);
    if (!known) accesses.set(workspace, (known = deps.makeAccess(workspace, () => clients.environment(workspace))));
    return known;
  };
  const engine: Engine = new Engine({
    ...deps,
    access,
    lookup: (workspace) => (name) => access(workspace).env(name),
    isConnected: (clientId) => clients.isConnected(clientId),
  });
  const shared = { engine, clients, clock: deps.clock, operations: new Operations() };
  const walking = { ...shared, walk: { clock: deps.clock, probes: deps.probes, driver: deps.driver, access } };
  return {
    useCases: {
      startEnvironment: (args, context) => startEnvironment(shared, args, context),
      stopEnvironment: (args, context) => stopEnvironment(shared, args, context),
      getStatus: (args, context) => getStatus(shared, args, context),
      controlService: (args, context) => controlService(shared, args, context),
      diagnose: (args, context) => diagnose(walking, args, context),
      probe: (args, context) => probe(walking, args, context),
      waitFor: (args, context) => waitFor(shared, args, context),
      query: (args, context) => query(shared, args, context),
      readStatus: (client) => readStatus(shared, client),
      readService: (client, name) => readService(shared, client, name),
      serviceNames: (client) => declaredNames(shared, client, "services"),
      environmentNames: (client) => declaredNames(shared, client, "environments"),
    },
    connect: (hello) => clients.connect(hello),
    restore: () => engine.restore(),
    status: () => ({ services: engine.counts, connections: engine.connections }),
    close: () => engine.close(),
  };
}
