import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfigEditor } from "#adapters/config-files/editor.ts";
import { createRepository } from "#adapters/repository/example-variables.ts";
import { createConfigSource } from "#adapters/config-files/index.ts";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSshInventory } from "#adapters/ssh/inventory/create-inventory.ts";
import { createLocalReach } from "#adapters/net/local-reach.ts";
import { createProbes } from "#adapters/probes/index.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import { createAccess } from "#adapters/system/access.ts";
import { createConnectionClients } from "#adapters/system/connection-clients.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createLocalAddresses } from "#adapters/system/local-addresses.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";
import type { ClientSession } from "#application/client.ts";
import { createPortwright, type Application } from "#application/portwright.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterMetadataSource } from "#application/ports/cluster-metadata.ts";
import type { LocalAddresses } from "#application/ports/local-addresses.ts";
import type { PlanStore } from "#application/ports/plan-store.ts";
import type { StateStore } from "#application/ports/state-store.ts";
import type { TargetSource } from "#application/ports/target-source.ts";
import type { Answer, CallContext } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import { createDirectDriver, type DirectDriver } from "./direct-driver.ts";

// Answers are records whose keys the tests name.
// oxlint-disable-next-line typescript/no-explicit-any
export type Told = Answer & Record<string, any>;
/** A use case that takes a call. */
type Verb = Exclude<keyof UseCases, "readStatus" | "readService" | "serviceNames" | "environmentNames">;

/** A connected client, as a session of a tool server has it. */
export interface TestClient {
  readonly session: ClientSession;
  readonly progress: string[];
  call<V extends Verb>(verb: V, args: Parameters<UseCases[V]>[0], signal?: AbortSignal): Promise<Told>;
}

/** The whole application over real configuration files, store, listeners and probes; only the driver goes without a tunnel. */
export interface TestPortwright extends AsyncDisposable {
  readonly application: Application;
  readonly driver: DirectDriver;
  readonly store: StateStore;
  readonly plans: PlanStore;
  /** Folder of the client's configuration. */
  readonly folder: string;
  readonly file: string;
  /** Writes the configuration: services in YAML flow form, further keys as they stand. */
  configure(services: readonly string[], rest?: string): Promise<void>;
  write(text: string): Promise<void>;
  connect(options?: Partial<ClientSession["hello"]>): Promise<TestClient>;
  /** The process dies, without a word: another one begins over the same state. Meanwhile something may happen. */
  crash(meanwhile?: () => Promise<void>): Promise<TestPortwright>;
}

export interface TestPortwrightOptions {
  readonly folder?: string;
  readonly driver?: DirectDriver;
  readonly clock?: Clock;
  readonly addresses?: LocalAddresses;
  readonly sources?: readonly TargetSource[];
  readonly metadata?: ClusterMetadataSource;
}

/** Nothing is known about any cluster. */
const noMetadata: ClusterMetadataSource = {
  read: (context = "current") =>
    Promise.resolve({ context, tlsVerified: true, quotas: [], events: [], targets: [], unreadable: [] }),
};

let clients = 0;

export async function makePortwright(options: TestPortwrightOptions = {}): Promise<TestPortwright> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "portwright-engine-")));
  const file = join(folder, "portwright.yaml");
  const clock = options.clock ?? createSystemClock();
  const driver = options.driver ?? createDirectDriver();
  const stores = openStores(join(folder, "state.db"));
  const application = createPortwright({
    clock,
    store: stores.state,
    history: stores.history,
    adHoc: stores.adHoc,
    driver: () => Promise.resolve(driver),
    plans: stores.plans,
    configSource: createConfigSource(),
    configEditor: createConfigEditor(),
    repository: createRepository(),
    listeners: createLocalListeners({ portOwners: createPortOwners(), clients: createConnectionClients(), clock }),
    addresses: options.addresses ?? createLocalAddresses(),
    probes: createProbes(),
    sources: () => Promise.resolve(options.sources ?? []),
    metadata: () => Promise.resolve(options.metadata ?? noMetadata),
    reach: createLocalReach(),
    sshInventory: () => Promise.resolve(createSshInventory()),
    ownEnvironment: {},
    makeAccess: (_workspace, environment, trusted) =>
      createAccess({
        envLayers: [environment],
        homeDir: folder,
        workspaceDir: folder,
        get trusted() {
          return trusted();
        },
      }),
  });
  const sessions: ClientSession[] = [];
  const end = async (): Promise<void> => {
    await application.close();
    await driver.close();
    stores.close();
  };
  return {
    application,
    driver,
    store: stores.state,
    plans: stores.plans,
    folder,
    file,
    write: (text) => writeFile(file, text),
    configure: (services, rest = "") =>
      writeFile(file, `version: "1.0"\nservices:\n${services.map((service) => `  - ${service}\n`).join("")}${rest}`),
    async connect(hello = {}) {
      const session = await application.connect({
        id: `client-${++clients}`,
        name: "tester",
        version: "1",
        cwd: folder,
        terminal: false,
        timeZone: "UTC",
        env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent" },
        ...hello,
      });
      sessions.push(session);
      return testClient(application, session);
    },
    async crash(meanwhile) {
      // What a killed process leaves behind is its database alone; its sockets are closed by the system.
      await end();
      await meanwhile?.();
      return makePortwright({ folder });
    },
    async [Symbol.asyncDispose]() {
      await end().catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function testClient(application: Application, session: ClientSession): TestClient {
  const progress: string[] = [];
  return {
    session,
    progress,
    call: (verb, args, signal = new AbortController().signal) => {
      const context: CallContext = { client: session, signal, progress: (message) => void progress.push(message) };
      const useCase = application.useCases[verb] as (args: unknown, context: CallContext) => Promise<Told>;
      return useCase(args, context);
    },
  };
}

/** One service of a file, in flow form: over the direct driver its `remote_port` is where it leads. */
export const serviceYaml = (name: string, remotePort: number, keys = ""): string =>
  `{name: ${name}, technology: ssh, remote_port: ${remotePort}, connection: {host: direct}${keys === "" ? "" : `, ${keys}`}}`;

/** A check that answers at once and is repeated fast. */
export const redisCheck = "health_check: {type: redis, interval: 1s, timeout: 1s}";
