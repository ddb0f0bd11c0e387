import type { ClientHello, ClientSession } from "./client.ts";
import { Clients } from "./clients.ts";
import { Engine, type EngineDependencies } from "./engine/engine.ts";
import { Configurations } from "./plans/configurations.ts";
import type { PlanDependencies } from "./plans/plan-dependencies.ts";
import { Recorder } from "./history/recorder.ts";
import { KeptSearches } from "./discovery/kept-searches.ts";
import type { Technology } from "#domain/spec/service.ts";
import type { Access } from "./ports/access.ts";
import type { ConfigEditor } from "./ports/config-editor.ts";
import type { FactSource } from "./ports/fact-source.ts";
import type { HistoryStore } from "./ports/history-store.ts";
import type { ClusterMetadataSource } from "./ports/cluster-metadata.ts";
import type { LocalReach } from "./ports/local-reach.ts";
import type { TargetSource } from "./ports/target-source.ts";
import type { SshInventory } from "./ports/ssh-inventory.ts";
import type { PlanStore } from "./ports/plan-store.ts";
import type { Repository } from "./ports/repository.ts";
import type { PortOwners } from "./ports/port-owner.ts";
import type { Answer, CallContext } from "./surface/tool-definition.ts";
import type { UseCases } from "./surface/use-cases.ts";
import { applyPlan } from "./usecases/apply-plan.ts";
import { withConfigurationFindings } from "./usecases/configuration-findings.ts";
import { configureService } from "./usecases/configure-service.ts";
import { controlService } from "./usecases/control-service.ts";
import { clusterNames, readCluster } from "./usecases/cluster-metadata.ts";
import { connect } from "./usecases/connect.ts";
import { diagnose } from "./usecases/diagnose.ts";
import { getHistory } from "./usecases/get-history.ts";
import { discoverTargets } from "./usecases/discover-targets.ts";
import { getStatus } from "./usecases/get-status.ts";
import { Operations } from "./usecases/operations.ts";
import type { PersonRequest } from "./usecases/person-request.ts";
import { person, type PersonTalk } from "./usecases/person.ts";
import { probe } from "./usecases/probe.ts";
import { query } from "./usecases/query.ts";
import { declaredNames, readService, readStatus } from "./usecases/read.ts";
import { anyWorkspaceOf, requireWorkspace, shownPath } from "./usecases/scope.ts";
import { removeService } from "./usecases/remove-service.ts";
import { inspectSshKeys, listSshHosts } from "./usecases/ssh-inventory.ts";
import { startEnvironment } from "./usecases/start-environment.ts";
import { stopEnvironment } from "./usecases/stop-environment.ts";
import { waitFor } from "./usecases/wait-for.ts";

export interface PortwrightDependencies extends Omit<
  EngineDependencies,
  "recorder" | "access" | "lookup" | "isConnected" | "admissions"
> {
  readonly history: HistoryStore;
  /** What a diagnosis asks beside the dial; without it the dial alone speaks. */
  readonly facts?: (technology: Technology) => Promise<FactSource>;
  readonly portOwners?: PortOwners;
  readonly plans: PlanStore;
  readonly configEditor: ConfigEditor;
  readonly repository: Repository;
  /** The daemon's own environment, the last one that is asked for a variable. */
  readonly ownEnvironment: Readonly<Record<string, string>>;
  /** What can be connected; loaded on first use. */
  sources(): Promise<readonly TargetSource[]>;
  /** What is known about clusters; loaded on first use. */
  metadata(): Promise<ClusterMetadataSource>;
  readonly reach: LocalReach;
  /** What the person has of SSH; loaded on first use. */
  sshInventory(): Promise<SshInventory>;
  /** Makes the access of a workspace over the merged environment of its clients, asked anew each time. */
  makeAccess(
    workspace: string,
    environment: () => Readonly<Record<string, string>>,
    /** Whether a person trusts its keys that run programs or read secrets; asked anew each time. */
    trusted: () => boolean,
  ): Access;
}

/** The application, as a daemon runs it for its clients. */
export interface Portwright {
  connect(hello: ClientHello): Promise<ClientSession>;
  /** Brings back what was wanted when the last process ended. */
  restore(): Promise<void>;
  /** What a person says at a terminal. @throws ConnectivityError such as `unknown_plan`, `plan_stale` */
  person(request: PersonRequest, client: ClientSession, talk: PersonTalk): Promise<Answer>;
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
    if (!known) {
      const environment = (): Readonly<Record<string, string>> => clients.environment(workspace);
      known = deps.makeAccess(workspace, environment, () => configurations.trusted(workspace));
      accesses.set(workspace, known);
    }
    return known;
  };
  const plan: PlanDependencies = {
    plans: deps.plans,
    store: deps.store,
    editor: deps.configEditor,
    clock: deps.clock,
    engine: () => engine,
    lookup: (workspace) => (name) => access(workspace).env(name),
  };
  const configurations = new Configurations(plan);
  const recorder = new Recorder(deps.history, deps.clock);
  const engine: Engine = new Engine({
    ...deps,
    recorder,
    admissions: configurations,
    access,
    lookup: (workspace) => (name) => access(workspace).env(name),
    isConnected: (clientId) => clients.isConnected(clientId),
  });
  const shared = {
    engine,
    clients,
    clock: deps.clock,
    recorder,
    operations: new Operations(),
    plan,
    configurations,
  };
  const { facts, portOwners } = deps;
  const beside = { ...(facts && { facts }), ...(portOwners && { portOwners }) };
  const walking = {
    ...shared,
    walk: { clock: deps.clock, probes: deps.probes, driver: deps.driver, access, ...beside },
  };
  const discovery = {
    clock: deps.clock,
    sources: () => deps.sources(),
    access,
    searches: new KeptSearches(deps.clock),
  };
  const cluster = { metadata: () => deps.metadata(), access };
  const ssh = { engine, clock: deps.clock, access, inventory: () => deps.sshInventory() };
  const proposing = { ...shared, ...discovery, repository: deps.repository };
  const configuring = { ...shared, driver: deps.driver, access };
  const asked = askedOf(clients);
  return {
    useCases: {
      startEnvironment: asked((args, context) => startEnvironment(proposing, args, context)),
      stopEnvironment: asked((args, context) => stopEnvironment(shared, args, context)),
      getStatus: asked((args, context) => getStatus({ ...shared, cluster }, args, context)),
      discoverTargets: asked((args, context) => discoverTargets(discovery, args, context)),
      connect: asked((args, context) =>
        connect({ ...shared, ...discovery, ...walking.walk, reach: deps.reach }, args, context),
      ),
      controlService: asked((args, context) => controlService(shared, args, context)),
      diagnose: asked(async (args, context) =>
        withConfigurationFindings(shared, await diagnose(walking, args, context), context.client),
      ),
      probe: asked((args, context) => probe(walking, args, context)),
      getHistory: asked((args, context) => getHistory(shared, args, context)),
      waitFor: asked((args, context) => waitFor(shared, args, context)),
      configureService: asked((args, context) => configureService(configuring, args, context)),
      removeService: asked((args, context) => removeService(configuring, args, context)),
      applyPlan: asked((args, context) => applyPlan(shared, args, context)),
      query: asked((args, context) => query(shared, args, context)),
      listSshHosts: asked((args, context) => listSshHosts(ssh, args, context)),
      inspectSshKeys: asked((args, context) => inspectSshKeys(ssh, args, context)),
      readStatus: async (client) => {
        await clients.locate(client);
        return withBorrowed(client, await readStatus(shared, client));
      },
      readService: async (client, name) => {
        await clients.locate(client);
        return withBorrowed(client, await readService(shared, client, name));
      },
      readCluster: async (client, name) => {
        await clients.locate(client);
        const workspace = await requireWorkspace(engine, client);
        return withBorrowed(client, await readCluster(cluster, workspace, name, deps.clock.nowMs()));
      },
      clusterNames: async (client) => {
        const workspace = await anyWorkspaceOf(engine, client);
        return workspace ? clusterNames(workspace) : [];
      },
      serviceNames: (client) => declaredNames(shared, client, "services"),
      environmentNames: (client) => declaredNames(shared, client, "environments"),
    },
    connect: (hello) => clients.connect(hello),
    restore: () => engine.restore(),
    person: (request, client, talk) => person({ ...proposing, driver: deps.driver }, request, client, talk),
    status: () => ({ services: engine.counts, connections: engine.connections }),
    close: () => engine.close(),
  };
}

type UseCase<A> = (args: A, context: CallContext) => Promise<Answer>;

/** Every call looks for the client's configuration first while it has none of its own, and says whose it took. */
const askedOf =
  (clients: Clients) =>
  <A>(useCase: UseCase<A>): UseCase<A> =>
  async (args, context) => {
    await clients.locate(context.client);
    return withBorrowed(context.client, await useCase(args, context));
  };

function withBorrowed({ borrowed, workspace, hello }: ClientSession, answer: Answer): Answer {
  // A proposal is about the client's own folder.
  if (!borrowed || workspace === undefined || answer["state"] === "proposal") return answer;
  const file = shownPath(workspace, hello.env["HOME"]);
  return {
    ...answer,
    summary: `${answer.summary} (No configuration in ${hello.cwd} or above it: this is ${file}, used last.)`,
  };
}
