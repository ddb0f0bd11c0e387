import type { Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { prunePod } from "./prune-pod.ts";
import { ResourceWatch, type WatchedObject } from "./resource-watch.ts";
import type { WatchQuery } from "./watch-query.ts";

/** A watch without subscribers is kept this long: a service that redials finds it warm. */
const lingerMs = 10_000;

/** A subscriber's hold on a shared watch; disposing lets go. */
export interface WatchHold<T extends WatchedObject> extends Disposable {
  readonly watch: ResourceWatch<T>;
}

/** Shares one watch per cluster, namespace and selectors among all who ask for it. */
export class WatchHub {
  readonly #clock: Clock;
  readonly #watches = new Map<ClusterApi, Map<string, ResourceWatch<WatchedObject>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  pods(
    api: ClusterApi,
    query: Omit<WatchQuery, "group" | "resource">,
    access: Access,
    listener: () => void,
  ): WatchHold<Pod> {
    return this.hold<Pod>(api, { ...query, group: "/api/v1", resource: "pods" }, access, listener, prunePod);
  }

  hold<T extends WatchedObject>(
    api: ClusterApi,
    query: WatchQuery,
    access: Access,
    listener: () => void,
    prune: (object: T) => T = (object) => object,
  ): WatchHold<T> {
    const watches = this.#watches.get(api) ?? new Map<string, ResourceWatch<WatchedObject>>();
    this.#watches.set(api, watches);
    const key = JSON.stringify(query);
    // One kind of object per query: the map cannot say so.
    const known = watches.get(key) as unknown as ResourceWatch<T> | undefined;
    const watch = known ?? new ResourceWatch<T>(api, query, access, this.#clock, prune);
    if (known === undefined) watches.set(key, watch as unknown as ResourceWatch<WatchedObject>);
    const subscription = watch.subscribe(listener, access);
    return {
      watch,
      [Symbol.dispose]: () => {
        subscription[Symbol.dispose]();
        this.#clock.after(lingerMs, () => this.#dropUnused(api, key));
      },
    };
  }

  close(): void {
    for (const watches of this.#watches.values()) for (const watch of watches.values()) watch.stop();
    this.#watches.clear();
  }

  #dropUnused(api: ClusterApi, key: string): void {
    const watches = this.#watches.get(api);
    const watch = watches?.get(key);
    if (watches === undefined || watch === undefined || watch.subscribers > 0) return;
    watch.stop();
    watches.delete(key);
    if (watches.size === 0) this.#watches.delete(api);
  }
}
