import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { Clusters } from "./clusters.ts";
import type { Target } from "./target/target.ts";
import { TargetWatch } from "./target/target-watch.ts";
import type { WatchHub } from "./watch/watch-hub.ts";

/** How often the kubeconfig is looked at: files have no reliable notice of change across editors and file systems. */
const lookMs = 3000;
/** A look may come so much sooner: services that look at the same files in the same instant share it. */
const slackMs = 1000;

/**
 * Tells when a new dial to a target is worth it: other pods take connections, the cause of a failure changed, or the
 * kubeconfig leads elsewhere. Never throws.
 */
export class TargetFollower implements Disposable {
  readonly #clusters: Clusters;
  readonly #hub: WatchHub;
  readonly #target: Target;
  readonly #cluster: { readonly context: string | undefined; readonly route: Route | undefined };
  readonly #access: Access;
  readonly #onChange: () => void;
  #api: ClusterApi | undefined;
  #watch: TargetWatch | undefined;
  #seen = "";
  #disposed = false;
  #timer: Disposable | undefined;

  constructor(
    clusters: Clusters,
    hub: WatchHub,
    target: Target,
    cluster: { readonly context: string | undefined; readonly route: Route | undefined },
    access: Access,
    onChange: () => void,
  ) {
    this.#clusters = clusters;
    this.#hub = hub;
    this.#target = target;
    this.#cluster = cluster;
    this.#access = access;
    this.#onChange = onChange;
    void this.#look();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    let failure = "";
    let api: ClusterApi | undefined;
    try {
      api = await this.#clusters.api(this.#access, this.#cluster.context, this.#cluster.route);
    } catch (error) {
      failure = toConnectivityError(error).code;
    }
    if (this.#disposed) return;
    this.#timer = this.#clusters.clock.after(lookMs - slackMs, () => void this.#look(), slackMs);
    if (api !== this.#api) {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
      this.#api = api;
      if (api !== undefined) {
        this.#watch = new TargetWatch(this.#hub, api, this.#target, this.#access, () => this.#compare());
        this.#compare();
      }
    }
    if (api === undefined) this.#tell(failure);
  }

  #compare(): void {
    if (this.#disposed || this.#watch === undefined) return;
    const { candidates, failure } = this.#watch.state;
    const places = candidates.map(({ uid, port, ready }) => `${uid}:${port}:${ready}`).toSorted();
    // While the cluster is away what was known stays; that it is back is news too.
    this.#tell(this.#watch.error?.code ?? failure?.code ?? places.join());
  }

  #tell(seen: string): void {
    if (seen === this.#seen) return;
    const first = this.#seen === "";
    this.#seen = seen;
    // The first look only counts when it finds pods: a dial may have failed just before it.
    if (!first || seen.includes(":")) this.#onChange();
  }
}
