import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import type { ObjectView } from "./object-view.ts";
import { ResourceWatch } from "./resource-watch.ts";
import type { WatchedObject } from "./watched-object.ts";
import type { WatchQuery } from "./watch-query.ts";

/** A watch without subscribers is kept this long: a service that redials finds it warm. */
const lingerMs = 10_000;
/** Several tunnels of a cluster die together: their watches are connected anew once. */
const doubtMs = 1000;

/** A subscriber's hold on a shared watch; disposing lets go. */
export interface WatchHold<T extends WatchedObject> extends Disposable {
  readonly watch: ResourceWatch<T>;
}

/** Shares one watch per cluster, namespace, kind and selectors among all who ask for it. */
export class WatchHub {
  readonly #clock: Clock;
  readonly #watches = new Map<ClusterApi, Map<string, ResourceWatch<WatchedObject>>>();
  readonly #doubted = new Map<ClusterApi, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param prune the same for every query of a kind */
  hold<T extends WatchedObject>(
    api: ClusterApi,
    query: WatchQuery,
    access: Access,
    view: ObjectView<T>,
    prune: (object: T) => T,
  ): WatchHold<T> {
    const watches = this.#watches.get(api) ?? new Map<string, ResourceWatch<WatchedObject>>();
    this.#watches.set(api, watches);
    const key = JSON.stringify(query);
    // One kind of object per query: the map cannot say so.
    const known = watches.get(key) as unknown as ResourceWatch<T> | undefined;
    const watch =
      known ??
      new ResourceWatch<T>({ api, query, clock: this.#clock, prune, onLive: () => this.#answers(api) }, access);
    if (known === undefined) watches.set(key, watch as unknown as ResourceWatch<WatchedObject>);
    const subscription = watch.subscribe(view, access);
    return {
      watch,
      [Symbol.dispose]: () => {
        subscription[Symbol.dispose]();
        this.#clock.after(lingerMs, () => this.#dropUnused(api, key));
      },
    };
  }

  /** A connection to this API server died without a word: so may have those of the watches. */
  doubt(api: ClusterApi): void {
    const now = this.#clock.monotonicMs();
    if (now - (this.#doubted.get(api) ?? Number.NEGATIVE_INFINITY) < doubtMs) return;
    this.#doubted.set(api, now);
    api.dropUnused();
    for (const watch of this.#watches.get(api)?.values() ?? []) watch.reconnect();
  }

  doubtAll(): void {
    for (const api of this.#watches.keys()) this.doubt(api);
  }

  close(): void {
    for (const watches of this.#watches.values()) for (const watch of watches.values()) watch.stop();
    this.#watches.clear();
  }

  /** Who waits before asking this server again need not. */
  #answers(api: ClusterApi): void {
    for (const watch of this.#watches.get(api)?.values() ?? []) if (watch.error !== undefined) watch.reconnect();
  }

  #dropUnused(api: ClusterApi, key: string): void {
    const watches = this.#watches.get(api);
    const watch = watches?.get(key);
    if (watches === undefined || watch === undefined || watch.subscribers > 0) return;
    watch.stop();
    watches.delete(key);
    if (watches.size > 0) return;
    this.#watches.delete(api);
    this.#doubted.delete(api);
  }
}
