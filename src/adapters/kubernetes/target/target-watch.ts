import { ConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { selectorText } from "#domain/kubernetes/label-selector.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import type { WatchHold, WatchHub } from "../watch/watch-hub.ts";
import { podRequirements, pruneTarget, targetKinds, type TargetObject } from "./target-kinds.ts";
import { targetState, type TargetState } from "./target-state.ts";
import { targetFacts, targetWords, type Target } from "./target.ts";

/** Follows one target: its Service or workload, and the pods that this selects now. */
export class TargetWatch implements Disposable {
  readonly #hub: WatchHub;
  readonly #api: ClusterApi;
  readonly #access: Access;
  readonly #target: Target;
  readonly #onChange: () => void;
  readonly #object: WatchHold<TargetObject> | undefined;
  #pods: WatchHold<Pod> | undefined;
  #selector: string | undefined;
  #disposed = false;

  /** @param onChange called after anything about the target may have changed */
  constructor(hub: WatchHub, api: ClusterApi, target: Target, access: Access, onChange: () => void) {
    this.#hub = hub;
    this.#api = api;
    this.#target = target;
    this.#access = access;
    this.#onChange = onChange;
    const kind = targetKinds[target.kind];
    if (kind === undefined) {
      this.#watchPods({
        ...(target.name !== undefined && { fieldSelector: `metadata.name=${target.name}` }),
        ...(target.selector !== undefined && { labelSelector: selectorText(target.selector.requirements) }),
      });
    } else {
      const query = { ...kind, namespace: target.namespace, fieldSelector: `metadata.name=${target.name}` };
      this.#object = hub.hold<TargetObject>(api, query, access, () => this.#objectChanged(), pruneTarget);
      this.#objectChanged();
    }
  }

  /**
   * Waits until the target is known as it is now.
   * @throws ConnectivityError why it cannot be read; the signal's reason
   */
  async synced(signal: AbortSignal): Promise<TargetState> {
    await this.#object?.watch.synced(signal);
    this.#follow();
    await this.#pods?.watch.synced(signal);
    return this.state;
  }

  /** As far as known; a failure to read is its failure while nothing is known. */
  get state(): TargetState {
    const { name, namespace } = this.#target;
    const facts = targetFacts(this.#target);
    const words = targetWords(this.#target);
    const object = this.#object?.watch.items[0];
    const none = (failure: Failure): TargetState => ({ candidates: [], failure });
    if (this.#object !== undefined && object === undefined) {
      return none(
        this.#object.watch.error?.toFailure() ?? {
          code: "resource_missing",
          message: `there is no ${this.#target.kind} ${name} in namespace ${namespace}`,
          facts,
        },
      );
    }
    if (this.#pods === undefined) {
      const external = object?.spec?.type === "ExternalName";
      const message = external
        ? `service ${name} is only a name for a host outside the cluster, which has no pods to forward to`
        : `${words} selects no pods by itself, so there is nothing to forward to`;
      return none({ code: "service_without_selector", message, facts });
    }
    const { items, error, listed } = this.#pods.watch;
    if (items.length === 0 && !listed && error !== undefined) return none(error.toFailure());
    if (items.length === 0 && this.#object === undefined && name !== undefined) {
      return none({ code: "resource_missing", message: `there is no ${words} in namespace ${namespace}`, facts });
    }
    return targetState(this.#target, object, items);
  }

  /** A pod as it is now, ready or not; `undefined` when it is not there any more. */
  pod({ uid }: { readonly uid: string }): Pod | undefined {
    return this.#pods?.watch.items.find(({ metadata }) => metadata.uid === uid);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#object?.[Symbol.dispose]();
    this.#pods?.[Symbol.dispose]();
  }

  #objectChanged(): void {
    if (this.#disposed) return;
    this.#follow();
    this.#onChange();
  }

  /** Watches the pods of the selector as it is now. */
  #follow(): void {
    const object = this.#object?.watch.items[0];
    if (object === undefined) return;
    const requirements = podRequirements(this.#target.kind, object);
    const selector = requirements && selectorText(requirements);
    if (selector === this.#selector) return;
    this.#selector = selector;
    this.#pods?.[Symbol.dispose]();
    this.#pods = undefined;
    if (selector !== undefined) this.#watchPods({ labelSelector: selector });
  }

  #watchPods(selectors: { readonly labelSelector?: string; readonly fieldSelector?: string }): void {
    const query = { namespace: this.#target.namespace, ...selectors };
    this.#pods = this.#hub.pods(this.#api, query, this.#access, () => {
      if (!this.#disposed) this.#onChange();
    });
  }
}

export const failureError = (failure: Failure): ConnectivityError =>
  new ConnectivityError(
    failure.code,
    failure.message,
    failure.facts,
    failure.untrusted === undefined ? {} : { untrusted: failure.untrusted },
  );
