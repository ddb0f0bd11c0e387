import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "../abortable.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { deferred } from "./deferred.ts";
import { readJsonLines } from "./json-lines.ts";
import { listObjects } from "./list-objects.ts";
import type { ObjectView } from "./object-view.ts";
import { firstRetryMs, listOnlyMs, retryMs, watchDeadlineMs, watchSeconds } from "./watch-times.ts";
import type { WatchedObject } from "./watched-object.ts";
import type { WatchQuery } from "./watch-query.ts";

interface WatchEvent<T> {
  readonly type: string;
  readonly object: T & { readonly code?: number };
}

type State =
  | { readonly kind: "starting" }
  | { readonly kind: "live" }
  | { readonly kind: "failing"; readonly error: ConnectivityError };

export interface ResourceWatchParts<T extends WatchedObject> {
  readonly api: ClusterApi;
  readonly query: WatchQuery;
  readonly clock: Clock;
  readonly prune: (object: T) => T;
  /** The server answers (again). */
  readonly onLive: () => void;
}

/**
 * The current objects of a query, kept up to date by list and watch (Kubernetes API concepts, "Efficient detection of
 * changes"): resumed from the last version and from bookmarks, listed again when the server has forgotten it (410),
 * connected again with backoff. On failure the last known objects stay.
 */
export class ResourceWatch<T extends WatchedObject> {
  readonly #parts: ResourceWatchParts<T>;
  readonly #views = new Set<ObjectView<T>>();
  readonly #ending = new AbortController();
  #objects = new Map<string, T>();
  #state: State = { kind: "starting" };
  #access: Access;
  #version = "";
  #failures = 0;
  /** Settles at the next list or its failure. */
  #outcome = deferred();
  #wake: () => void = () => {};
  /** Ends the stream that is open or being opened, to begin a new one. */
  #connection = new AbortController();
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ResourceWatchParts<T>, access: Access) {
    this.#parts = parts;
    this.#access = access;
    void this.#run();
  }

  /** Any object of the query, also one that no view asks for. */
  find(name: string): T | undefined {
    return this.#objects.get(name);
  }

  /** Why the objects may be out of date. */
  get error(): ConnectivityError | undefined {
    return this.#state.kind === "failing" ? this.#state.error : undefined;
  }

  get listed(): boolean {
    return this.#state.kind === "live";
  }

  /** Keeps a view in step until disposed. */
  subscribe(view: ObjectView<T>, access: Access): Disposable {
    this.#access = access;
    view.reset(this.#objects.values());
    this.#views.add(view);
    return { [Symbol.dispose]: () => void this.#views.delete(view) };
  }

  get subscribers(): number {
    return this.#views.size;
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

  /** Lists again, unless something was heard within `freshMs`: a connection that died without a word tells nothing. Errors as `synced`. */
  async refresh(freshMs: number, signal: AbortSignal): Promise<void> {
    if (this.#state.kind === "live" && this.#parts.clock.monotonicMs() - this.#heardMs <= freshMs) return;
    if (this.#state.kind !== "live") return this.synced(signal);
    this.#version = "";
    const outcome = this.#outcome.promise;
    this.reconnect();
    await abortable(outcome, signal);
  }

  /** Goes on over a new connection, at once. */
  reconnect(): void {
    this.#connection.abort();
    this.#connection = new AbortController();
    this.#wake();
  }

  stop(): void {
    this.#ending.abort();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const { signal } = this.#connection;
      try {
        if (this.#version === "") await this.#list(signal);
        await this.#watch(signal);
      } catch (thrown) {
        if (this.#ending.signal.aborted) break;
        if (!signal.aborted) await this.#failed(toConnectivityError(thrown));
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
    for (const view of this.#views) view.tell();
    await this.#sleep(retryMs(error.code, this.#failures++, this.#parts.clock.random()));
  }

  async #list(connection: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#ending.signal, connection]);
    const { api, query, prune } = this.#parts;
    const { items, version } = await listObjects(api, query, prune, { access: this.#access, signal });
    this.#objects = new Map(items.map((item) => [item.metadata.name, item]));
    this.#version = version;
    this.#heard();
    this.#failures = 0;
    const failed = this.#state.kind === "failing";
    this.#state = { kind: "live" };
    const outcome = this.#outcome;
    this.#outcome = deferred();
    outcome.resolve();
    for (const view of this.#views) view.reset(this.#objects.values());
    for (const view of this.#views) view.tell();
    if (failed) this.#parts.onLive();
  }

  async #watch(connection: AbortSignal): Promise<void> {
    const { api, clock, query } = this.#parts;
    const deadline = new AbortController();
    const timer = clock.after(watchDeadlineMs, () => deadline.abort());
    const startedMs = clock.monotonicMs();
    const signal = AbortSignal.any([this.#ending.signal, connection, deadline.signal]);
    const { group, resource, namespace, labelSelector, fieldSelector } = query;
    const stream = await api.stream({
      path: `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`,
      subject: { verb: "watch", resource, namespace },
      access: this.#access,
      signal,
      query: {
        labelSelector,
        fieldSelector,
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: this.#version,
        timeoutSeconds: String(watchSeconds),
      },
    });
    this.#failures = 0;
    this.#heard();
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
    if (!connection.aborted && clock.monotonicMs() - startedMs < firstRetryMs) await this.#sleep(firstRetryMs);
  }

  /** @returns whether the objects must be listed again */
  #apply({ type, object }: WatchEvent<T>): boolean {
    this.#heard();
    // `ERROR` carries a Status: 410 when the version is too old; whatever it is, a fresh list mends it.
    if (type === "ERROR") return true;
    const { name, resourceVersion } = object.metadata;
    this.#version = this.#version === "" ? "" : (resourceVersion ?? this.#version);
    if (type === "BOOKMARK") return false;
    const kept = type === "DELETED" ? undefined : this.#parts.prune(object);
    if (kept === undefined) this.#objects.delete(name);
    else this.#objects.set(name, kept);
    for (const view of this.#views) view.apply(name, kept);
    return false;
  }

  #heard(): void {
    this.#heardMs = this.#parts.clock.monotonicMs();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(ms, resolve);
      this.#wake = () => {
        timer[Symbol.dispose]();
        resolve();
      };
    });
  }
}
