import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { matchesLabels, selectorText } from "#domain/kubernetes/label-selector.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import { FollowedObjects, type Following } from "../watch/followed-objects.ts";
import { prunePod } from "../watch/prune-pod.ts";
import type { WatchHub } from "../watch/watch-hub.ts";
import type { WatchedObject } from "../watch/watched-object.ts";
import { podsInSlices, pruneSlice, serviceNameLabel, slicesOf, type EndpointSlice } from "./endpoint-slice.ts";
import { podRequirements, pruneTarget, targetKinds, type TargetObject } from "./target-kinds.ts";
import { isMeant, targetState, type TargetState } from "./target-state.ts";
import { targetFacts, targetWords, type Target } from "./target.ts";

type Knowable = Pick<FollowedObjects<WatchedObject>, "synced" | "refresh">;

/** Follows one target: its Service or workload, its EndpointSlices, and the pods that it selects now. */
export class TargetWatch implements Disposable {
  readonly #hub: WatchHub;
  readonly #api: ClusterApi;
  readonly #access: Access;
  readonly #target: Target;
  readonly #onChange: () => void;
  readonly #object: FollowedObjects<TargetObject> | undefined;
  readonly #slices: FollowedObjects<EndpointSlice> | undefined;
  #pods: FollowedObjects<Pod> | undefined;
  /** What the pods are selected by now. */
  #selected: string | undefined;
  #disposed = false;

  /** @param onChange called after anything about the target may have changed */
  constructor(hub: WatchHub, api: ClusterApi, target: Target, access: Access, onChange: () => void) {
    this.#hub = hub;
    this.#api = api;
    this.#target = target;
    this.#access = access;
    this.#onChange = onChange;
    const { kind, name } = target;
    const changed = (): void => this.#changed();
    if (name !== undefined && targetKinds[kind] !== undefined) {
      const named = { matches: isNamed(name), narrow: { fieldSelector: `metadata.name=${name}` }, prune: pruneTarget };
      this.#object = this.#followed<TargetObject>({ ...targetKinds[kind], ...named }, changed);
      if (kind === "service") {
        const matches = ({ metadata }: WatchedObject): boolean => metadata.labels?.[serviceNameLabel] === name;
        const narrow = { labelSelector: `${serviceNameLabel}=${name}` };
        this.#slices = this.#followed<EndpointSlice>({ ...slicesOf, matches, narrow, prune: pruneSlice }, changed);
      }
    }
    this.#follow();
  }

  /**
   * Waits until the target is known as it is now.
   * @throws ConnectivityError why it cannot be read; the signal's reason
   */
  async synced(signal: AbortSignal): Promise<TargetState> {
    return this.#known((objects) => objects.synced(signal), signal);
  }

  /** The same, asked again where nothing was heard within `freshMs`. */
  async refresh(freshMs: number, signal: AbortSignal): Promise<TargetState> {
    return this.#known((objects) => objects.refresh(freshMs, signal), signal);
  }

  /** As far as known; a failure to read is its failure while nothing is known. */
  get state(): TargetState {
    const { name, namespace } = this.#target;
    const facts = targetFacts(this.#target);
    const object = this.#object?.items[0];
    const none = (failure: Failure): TargetState => ({ candidates: [], failure });
    const missing = (what: string): TargetState =>
      none({ code: "resource_missing", message: `there is no ${what} in namespace ${namespace}`, facts });
    if (this.#object !== undefined && object === undefined)
      return this.#object.error ? none(this.#object.error.toFailure()) : missing(`${this.#target.kind} ${name}`);
    if (this.#pods === undefined) return none(this.#withoutPods(object));
    const { items, error, listed } = this.#pods;
    if (items.length === 0 && !listed && error !== undefined) return none(error.toFailure());
    if (items.length === 0 && object === undefined && name !== undefined) return missing(targetWords(this.#target));
    return targetState(this.#target, { object, pods: items, slices: this.#slices?.items ?? [] });
  }

  /** Why what is known may be out of date. */
  get error(): ConnectivityError | undefined {
    return this.#object?.error ?? this.#pods?.error;
  }

  /** All that are selected now, ready or not. */
  get pods(): readonly Pod[] {
    return (this.#pods?.items ?? []).filter((pod) => isMeant(this.#target, pod));
  }

  /** A pod as it is now, ready or not; `undefined` when it is not there any more. */
  pod({ pod, uid }: { readonly pod: string; readonly uid: string }): Pod | undefined {
    const found = this.#pods?.find(pod);
    return found?.metadata.uid === undefined || found.metadata.uid === uid ? found : undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#object?.[Symbol.dispose]();
    this.#slices?.[Symbol.dispose]();
    this.#pods?.[Symbol.dispose]();
  }

  async #known(wait: (objects: Knowable) => Promise<void>, signal: AbortSignal): Promise<TargetState> {
    // Slices that may not be read, or that the cluster does not have, are done without: then the pods tell.
    const slices = this.#slices?.error === undefined ? this.#slices : undefined;
    const slicesKnown = slices && wait(slices).catch(() => {});
    if (this.#object !== undefined) await wait(this.#object);
    await slicesKnown;
    signal.throwIfAborted();
    this.#follow();
    if (this.#pods !== undefined) await wait(this.#pods);
    return this.state;
  }

  #withoutPods(object: TargetObject | undefined): Failure {
    const words = targetWords(this.#target);
    const facts = targetFacts(this.#target);
    if (object?.spec?.type === "ExternalName") {
      const message = `${words} is only a name for a host outside the cluster, which has no pods to forward to`;
      return { code: "service_without_selector", message, facts };
    }
    const state = targetState(this.#target, { object, pods: [], slices: this.#slices?.items ?? [] });
    if (state.failure?.code === "service_without_selector" || state.failure?.code === "target_port_missing")
      return state.failure;
    const message = `${words} selects no pods by itself, so there is nothing to forward to`;
    return { code: "service_without_selector", message, facts };
  }

  #changed(): void {
    if (this.#disposed) return;
    this.#follow();
    this.#onChange();
  }

  /** Follows the pods of the selector as it is now; of a Service without one, those that its slices name. */
  #follow(): void {
    const { name, selector } = this.#target;
    const object = this.#object?.items[0];
    if (this.#object !== undefined && object === undefined) return;
    const requirements = object && podRequirements(this.#target.kind, object);
    if (object === undefined) {
      const named = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
      const labelled = selector === undefined ? {} : { labelSelector: selectorText(selector.requirements) };
      const matches = ({ metadata }: Pod): boolean =>
        (name === undefined || metadata.name === name) && matchesLabels(selector?.requirements ?? [], metadata.labels);
      this.#followPods("itself", { ...named, ...labelled }, matches);
    } else if (requirements !== undefined) {
      const labelSelector = selectorText(requirements);
      this.#followPods(labelSelector, { labelSelector }, ({ metadata }) =>
        matchesLabels(requirements, metadata.labels),
      );
    } else {
      const names = new Set(podsInSlices(this.#slices?.items ?? [], "").map((pod) => pod.name));
      if (names.size === 0) this.#followPods(undefined);
      else this.#followPods([...names].toSorted().join(), {}, ({ metadata }) => names.has(metadata.name));
    }
  }

  #followPods(selected: undefined): void;
  #followPods(selected: string, narrow: Following<Pod>["narrow"], matches: (pod: Pod) => boolean): void;
  #followPods(
    selected: string | undefined,
    narrow: Following<Pod>["narrow"] = {},
    matches: (pod: Pod) => boolean = () => false,
  ): void {
    if (selected === this.#selected) return;
    this.#selected = selected;
    const before = this.#pods;
    const what = { group: "/api/v1", resource: "pods", matches, narrow, prune: prunePod };
    this.#pods = selected === undefined ? undefined : this.#followed<Pod>(what, () => this.#changed());
    before?.[Symbol.dispose]();
  }

  #followed<T extends WatchedObject>(what: Omit<Following<T>, "namespace">, onChange: () => void): FollowedObjects<T> {
    const { namespace } = this.#target;
    return new FollowedObjects<T>(this.#hub, this.#api, this.#access, { ...what, namespace }, onChange);
  }
}

const isNamed =
  (name: string) =>
  ({ metadata }: WatchedObject): boolean =>
    metadata.name === name;

export const failureError = (failure: Failure): ConnectivityError =>
  new ConnectivityError(
    failure.code,
    failure.message,
    failure.facts,
    failure.untrusted === undefined ? {} : { untrusted: failure.untrusted },
  );
