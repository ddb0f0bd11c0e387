import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { ObjectMeta } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "../abortable.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { deferred } from "./deferred.ts";
import { readJsonLines } from "./json-lines.ts";
import type { WatchQuery } from "./watch-query.ts";

export interface WatchedObject {
  readonly metadata: ObjectMeta;
}

interface ListAnswer<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

interface WatchEvent<T> {
  readonly type: string;
  readonly object: T & { readonly code?: number };
}

const pageSize = "500";
/** The server ends a watch after this, which also refreshes expired credentials. */
const watchSeconds = 290;
/** Past the server's own end nothing can come any more. */
const watchDeadlineMs = (watchSeconds + 20) * 1000;
const firstRetryMs = 250;
const maxRetryMs = 10_000;
/** How often a user who may list but not watch is served. */
const listOnlyMs = 5000;

type State =
  | { readonly kind: "starting" }
  | { readonly kind: "live" }
  | { readonly kind: "failing"; readonly error: ConnectivityError };

/**
 * The current objects of a query, kept up to date by list and watch (Kubernetes API concepts, "Efficient detection of
 * changes"): resumed from the last version and from bookmarks, listed again when the server has forgotten it (410),
 * connected again with backoff. On failure the last known objects stay.
 */
export class ResourceWatch<T extends WatchedObject> {
  readonly #api: ClusterApi;
  readonly #query: WatchQuery;
  readonly #clock: Clock;
  readonly #prune: (object: T) => T;
  readonly #listeners = new Set<() => void>();
  readonly #ending = new AbortController();
  #items = new Map<string, T>();
  #state: State = { kind: "starting" };
  #access: Access;
  #version = "";
  #failures = 0;
  /** Settles at the next list or its failure. */
  #outcome = deferred();
  #wake: () => void = () => {};

  constructor(api: ClusterApi, query: WatchQuery, access: Access, clock: Clock, prune: (object: T) => T) {
    this.#api = api;
    this.#query = query;
    this.#access = access;
    this.#clock = clock;
    this.#prune = prune;
    void this.#run();
  }

  get items(): readonly T[] {
    return [...this.#items.values()];
  }

  /** Why the objects may be out of date. */
  get error(): ConnectivityError | undefined {
    return this.#state.kind === "failing" ? this.#state.error : undefined;
  }

  get listed(): boolean {
    return this.#state.kind === "live";
  }

  /** Called after each change of the objects or of `error`. */
  subscribe(listener: () => void, access: Access): Disposable {
    this.#access = access;
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /**
   * Waits until the objects are known, trying at once when the last attempt failed.
   * @throws ConnectivityError why they cannot be listed; the signal's reason
   */
  async synced(signal: AbortSignal): Promise<void> {
    if (this.#state.kind === "live") return;
    const outcome = this.#outcome.promise;
    this.#wake();
    await abortable(outcome, signal);
  }

  stop(): void {
    this.#ending.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        if (this.#version === "") await this.#list();
        await this.#watch();
      } catch (thrown) {
        if (this.#ending.signal.aborted) break;
        await this.#failed(toConnectivityError(thrown));
      }
    }
    this.#outcome.reject(new ConnectivityError("cancelled", "the watch was stopped"));
  }

  async #failed(error: ConnectivityError): Promise<void> {
    const watchForbidden = error.code === "permission_denied" && this.#version !== "";
    this.#version = "";
    if (watchForbidden) {
      await this.#sleep(listOnlyMs);
      return;
    }
    this.#state = { kind: "failing", error };
    const outcome = this.#outcome;
    this.#outcome = deferred();
    outcome.reject(error);
    this.#tell();
    const waitMs = Math.min(maxRetryMs, firstRetryMs * 2 ** this.#failures++);
    await this.#sleep(waitMs * (0.75 + this.#clock.random() / 2));
  }

  async #list(): Promise<void> {
    const items = new Map<string, T>();
    let next: string | undefined;
    let version = "";
    do {
      const answer: ListAnswer<T> = await this.#api.json<ListAnswer<T>>({
        ...this.#request("list"),
        query: { ...this.#selectors(), limit: pageSize, continue: next },
      });
      for (const item of answer.items ?? []) items.set(item.metadata.name, this.#prune(item));
      version = answer.metadata?.resourceVersion ?? "";
      next = answer.metadata?.continue === "" ? undefined : answer.metadata?.continue;
    } while (next !== undefined);
    this.#items = items;
    this.#version = version;
    this.#live();
    this.#tell();
  }

  #live(): void {
    this.#failures = 0;
    this.#state = { kind: "live" };
    const outcome = this.#outcome;
    this.#outcome = deferred();
    outcome.resolve();
  }

  async #watch(): Promise<void> {
    const deadline = new AbortController();
    const timer = this.#clock.after(watchDeadlineMs, () => deadline.abort());
    const startedMs = this.#clock.monotonicMs();
    const signal = AbortSignal.any([this.#ending.signal, deadline.signal]);
    const stream = await this.#api.stream({
      ...this.#request("watch"),
      signal,
      query: {
        ...this.#selectors(),
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: this.#version,
        timeoutSeconds: String(watchSeconds),
      },
    });
    this.#failures = 0;
    const abort = (): void => void stream.destroy();
    signal.addEventListener("abort", abort, { once: true });
    let gone = false;
    try {
      const followed = await readJsonLines(stream, (event) => {
        gone = this.#apply(event as WatchEvent<T>) || gone;
      });
      gone ||= !followed;
    } catch {
      // Broken off: resumed from the last version. Whether the server is still there, the next request tells.
    } finally {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", abort);
      stream.destroy();
    }
    if (gone) this.#version = "";
    // Something between may cut every watch at once: not asked again in a tight loop.
    if (this.#clock.monotonicMs() - startedMs < firstRetryMs) await this.#sleep(firstRetryMs);
  }

  /** @returns whether the objects must be listed again */
  #apply(event: WatchEvent<T>): boolean {
    const { type, object } = event;
    // `ERROR` carries a Status: 410 when the version is too old; whatever it is, a fresh list mends it.
    if (type === "ERROR") return true;
    this.#version = object.metadata.resourceVersion ?? this.#version;
    if (type === "BOOKMARK") return false;
    if (type === "DELETED") this.#items.delete(object.metadata.name);
    else this.#items.set(object.metadata.name, this.#prune(object));
    this.#tell();
    return false;
  }

  #request(verb: "list" | "watch") {
    const { group, resource, namespace } = this.#query;
    return {
      path: `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`,
      subject: { verb, resource, namespace },
      access: this.#access,
      signal: this.#ending.signal,
    };
  }

  #selectors() {
    return { labelSelector: this.#query.labelSelector, fieldSelector: this.#query.fieldSelector };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#wake = () => {
        timer[Symbol.dispose]();
        resolve();
      };
    });
  }
}
