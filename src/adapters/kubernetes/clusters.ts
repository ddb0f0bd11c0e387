import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Route } from "#application/ports/route.ts";
import { ClusterApi } from "./api/cluster-api.ts";
import { resolveContext, type ClusterContext } from "./config/cluster-context.ts";
import { Credentials } from "./config/credentials.ts";
import { ExecCredentials } from "./config/exec-credentials.ts";
import { accountFolder, inClusterKubeconfig } from "./config/in-cluster.ts";
import { kubeconfigFingerprint, kubeconfigPaths, loadKubeconfig, type Kubeconfig } from "./config/kubeconfig.ts";

/** More files or contexts in use at once than anybody has; beyond it the oldest are read anew. */
const maxRemembered = 64;

/** The clusters that somebody's kubeconfig leads to: read when asked for, shared while their settings stay the same. */
export class Clusters {
  readonly clock: Clock;
  readonly #plugins: ExecCredentials;
  readonly #configs = new Map<string, { readonly fingerprint: string; readonly config: Promise<Kubeconfig> }>();
  readonly #apis = new Map<string, ClusterApi>();
  /** Looks at the files that are under way: many services ask in the same instant. */
  readonly #looks = new Map<string, Promise<string>>();
  /** What a reading says of its contexts, by name; the empty one is the current one. */
  readonly #contexts = new WeakMap<Kubeconfig, Map<string, ClusterContext>>();

  readonly #accountFolder: string;

  constructor(clock: Clock, account = accountFolder) {
    this.clock = clock;
    this.#accountFolder = account;
    this.#plugins = new ExecCredentials(clock);
  }

  /**
   * The kubeconfig as it is on disk now; where there is none, the account of the pod that this process runs in.
   * @throws ConnectivityError `kubeconfig_missing`, `kubeconfig_invalid`
   */
  async kubeconfig(access: Access): Promise<Kubeconfig> {
    const paths = kubeconfigPaths(access);
    const account = access.env("KUBERNETES_SERVICE_HOST") ?? "";
    const key = [...paths, account].join("\n");
    const fingerprint = await this.#look(paths);
    const known = this.#configs.get(key);
    if (known?.fingerprint === fingerprint) return known.config;
    const config = loadKubeconfig(paths).catch(async (error: unknown) => {
      const missing = error instanceof ConnectivityError && error.code === "kubeconfig_missing";
      const found = missing ? await inClusterKubeconfig(access, this.#accountFolder) : undefined;
      if (found !== undefined) return found;
      throw error;
    });
    remember(this.#configs, key, { fingerprint, config });
    return config;
  }

  /** Changes when the kubeconfig may have changed, appeared or gone. */
  fingerprint(access: Access): Promise<string> {
    const paths = kubeconfigPaths(access);
    return this.#look(paths).then((marks) => `${paths.join("\n")}\n${marks}`);
  }

  /**
   * The API server behind a context.
   * @param context default: the kubeconfig's current one
   * @param route the hops before it
   * @throws ConnectivityError `kubeconfig_missing`, `kubeconfig_invalid`, `context_missing`
   */
  async api(access: Access, context?: string, route?: Route): Promise<ClusterApi> {
    const resolved = this.#context(await this.kubeconfig(access), context);
    const key = `${resolved.name}\n${resolved.identity}\n${route?.key ?? ""}`;
    const known = this.#apis.get(key);
    if (known !== undefined) return known;
    const api = new ClusterApi(resolved, new Credentials(resolved, this.#plugins), this.clock, route);
    remember(this.#apis, key, api);
    return api;
  }

  #look(paths: readonly string[]): Promise<string> {
    const key = paths.join("\n");
    let looking = this.#looks.get(key);
    if (looking === undefined) {
      looking = kubeconfigFingerprint(paths).finally(() => this.#looks.delete(key));
      this.#looks.set(key, looking);
    }
    return looking;
  }

  #context(config: Kubeconfig, name = ""): ClusterContext {
    const known = this.#contexts.get(config) ?? new Map<string, ClusterContext>();
    this.#contexts.set(config, known);
    let context = known.get(name);
    if (context === undefined) known.set(name, (context = resolveContext(config, name === "" ? undefined : name)));
    return context;
  }

  close(): void {
    this.#plugins.close();
    for (const api of this.#apis.values()) api.close();
    this.#apis.clear();
    this.#configs.clear();
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > maxRemembered && oldest.done !== true) map.delete(oldest.value);
}
