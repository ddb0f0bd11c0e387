import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { wantsLess } from "./list-objects.ts";
import { ObjectView } from "./object-view.ts";
import type { WatchHold, WatchHub } from "./watch-hub.ts";
import type { WatchedObject } from "./watched-object.ts";
import type { WatchQuery } from "./watch-query.ts";

export interface Following<T extends WatchedObject> {
  readonly group: string;
  readonly resource: string;
  readonly namespace: string;
  readonly matches: (object: T) => boolean;
  /** The same objects as a query of their own. */
  readonly narrow: Pick<WatchQuery, "labelSelector" | "fieldSelector">;
  readonly prune: (object: T) => T;
}

/**
 * The objects of a kind in a namespace that match: from the watch that all services of the namespace share, or from one of
 * their own where the account may read only these or the namespace is too large to follow as a whole.
 */
export class FollowedObjects<T extends WatchedObject> implements Disposable {
  readonly #hub: WatchHub;
  readonly #api: ClusterApi;
  readonly #access: Access;
  readonly #what: Following<T>;
  readonly #view: ObjectView<T>;
  #hold: WatchHold<T>;
  #narrowed = false;
  #disposed = false;

  constructor(hub: WatchHub, api: ClusterApi, access: Access, what: Following<T>, onChange: () => void) {
    this.#hub = hub;
    this.#api = api;
    this.#access = access;
    this.#what = what;
    this.#view = new ObjectView(what.matches, () => {
      if (this.#disposed || this.#narrows()) return;
      onChange();
    });
    this.#hold = this.#take({});
  }

  get items(): readonly T[] {
    return this.#view.items;
  }
  get error(): ConnectivityError | undefined {
    return this.#hold.watch.error;
  }
  get listed(): boolean {
    return this.#hold.watch.listed;
  }

  /** Any object that the watch knows, also one that does not match (any more). */
  find(name: string): T | undefined {
    return this.#hold.watch.find(name);
  }

  /** @throws ConnectivityError why they cannot be listed; the signal's reason */
  synced(signal: AbortSignal): Promise<void> {
    return this.#narrowing(() => this.#hold.watch.synced(signal), signal);
  }

  /** Knows for sure what is there now: asked again unless heard within `freshMs`. Errors as `synced`. */
  refresh(freshMs: number, signal: AbortSignal): Promise<void> {
    return this.#narrowing(() => this.#hold.watch.refresh(freshMs, signal), signal);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#hold[Symbol.dispose]();
  }

  async #narrowing(wait: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await wait();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ConnectivityError) || !wantsLess(error)) throw error;
      this.#narrows();
      await wait();
    }
  }

  /** @returns whether it has just changed over to the narrow query */
  #narrows(): boolean {
    if (this.#narrowed || this.#disposed || !wantsLess(this.#hold.watch.error)) return false;
    this.#narrowed = true;
    this.#hold[Symbol.dispose]();
    this.#hold = this.#take(this.#what.narrow);
    return true;
  }

  #take(narrow: Following<T>["narrow"]): WatchHold<T> {
    const { group, resource, namespace, prune } = this.#what;
    return this.#hub.hold(this.#api, { group, resource, namespace, ...narrow }, this.#access, this.#view, prune);
  }
}
