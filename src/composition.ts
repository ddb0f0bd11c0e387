import { dirname } from "node:path";
import { createConfigEditor } from "#adapters/config-files/editor.ts";
import { createRepository } from "#adapters/repository/example-variables.ts";
import { createConfigSource } from "#adapters/config-files/index.ts";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createLocalReach } from "#adapters/net/local-reach.ts";
import { createAccess } from "#adapters/system/access.ts";
import { createConnectionClients } from "#adapters/system/connection-clients.ts";
import { createLocalAddresses } from "#adapters/system/local-addresses.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";
import { createPortwright, type Application } from "#application/portwright.ts";
import type { KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import type { FactSource } from "#application/ports/fact-source.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import type { Probes } from "#application/ports/probe.ts";
import type { Stores } from "#application/ports/stores.ts";
import type { TargetSource } from "#application/ports/target-source.ts";
import type { Technology } from "#domain/spec/service.ts";
import type { Compose } from "#server/daemon/compose.ts";

/** The one root that may import everything: the application over the real adapters, and MCP over it. */
export const composeDaemon: Compose = ({ stores, log, version, env, homeDir }) => {
  const application = createApplication(stores, env, homeDir);
  const serverLog = log.child({ component: "mcp" });
  return Promise.resolve({
    application,
    // Loaded with the first client: the daemon takes connections long before.
    serveMcp: async (input, output, session) => {
      const { serveMcp } = await import("#server/mcp/serve-mcp.ts");
      return serveMcp(input, output, session, application.useCases, serverLog, version);
    },
  });
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Heavy adapters are loaded on first use. */
function createApplication(
  { state, history, clusterPins, plans, adHoc }: Stores,
  env: Environment,
  homeDir: string,
): Application {
  const clock = createSystemClock();
  const drivers = new Map<Technology, Promise<ForwardDriver>>();
  const driver = (technology: Technology): Promise<ForwardDriver> => {
    let loading = drivers.get(technology);
    if (!loading) drivers.set(technology, (loading = loadDriver[technology]()));
    return loading;
  };
  const loadDriver: Readonly<Record<Technology, () => Promise<ForwardDriver>>> = {
    ssh: async () => (await import("#adapters/ssh/index.ts")).createSshDriver(),
    kubernetes: async () => (await kubernetes()).driver,
  };
  let cluster: Promise<KubernetesAdapter> | undefined;
  const kubernetes = (): Promise<KubernetesAdapter> =>
    (cluster ??= import("#adapters/kubernetes/index.ts").then((loaded) =>
      loaded.createKubernetes(clock, { pins: clusterPins }),
    ));
  const facts = async (technology: Technology): Promise<FactSource> =>
    technology === "kubernetes"
      ? (await kubernetes()).facts
      : (await import("#adapters/ssh/index.ts")).createSshFacts(clock);
  const portOwners = createPortOwners();
  let sources: Promise<readonly TargetSource[]> | undefined;
  let probes: Promise<Probes> | undefined;
  const application = createPortwright({
    clock,
    store: state,
    history,
    adHoc,
    plans,
    driver,
    facts,
    portOwners,
    configSource: createConfigSource(),
    configEditor: createConfigEditor(),
    repository: createRepository(),
    listeners: createLocalListeners({
      portOwners,
      clients: createConnectionClients(),
      clock,
    }),
    addresses: createLocalAddresses(),
    probes: {
      run: async (check, path, context) => {
        probes ??= import("#adapters/probes/index.ts").then((loaded) => loaded.createProbes());
        return (await probes).run(check, path, context);
      },
    },
    sources: () => (sources ??= loadSources(kubernetes)),
    metadata: async () => (await kubernetes()).metadata,
    reach: createLocalReach(),
    sshInventory: async () => (await import("#adapters/ssh/inventory/create-inventory.ts")).createSshInventory(),
    ownEnvironment: stringValues(env),
    makeAccess: (workspace, environment, trusted) =>
      createAccess({
        envLayers: [environment],
        homeDir,
        workspaceDir: workspace === "" ? homeDir : dirname(workspace),
        get trusted() {
          return trusted();
        },
      }),
  });
  return {
    ...application,
    async close() {
      await application.close();
      await (await cluster)?.driver.close();
      await Promise.all([...drivers.values()].map(async (loading) => (await loading).close()));
    },
  };
}

/** What can be connected is looked for by four adapters; none is loaded before somebody asks. */
async function loadSources(kubernetes: () => Promise<KubernetesAdapter>): Promise<readonly TargetSource[]> {
  const [clusters, ssh, local, compose] = await Promise.all([
    kubernetes(),
    import("#adapters/ssh/ssh-source.ts"),
    import("#adapters/system/local-source.ts"),
    import("#adapters/compose/compose-source.ts"),
  ]);
  return [clusters.targets, ssh.createSshSource(), local.createLocalSource(), compose.createComposeSource()];
}

function stringValues(env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
