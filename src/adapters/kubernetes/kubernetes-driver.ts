import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { KubernetesService, ServiceSpec } from "#domain/spec/service.ts";
import type { Access } from "#application/ports/access.ts";
import type { DialContext, ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { LogQuery, ServiceLog } from "#application/ports/service-logs.ts";
import type { Route } from "#application/ports/route.ts";
import { abortable } from "./abortable.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { Clusters } from "./clusters.ts";
import { forwardPermission } from "./permission.ts";
import { readPodLogs } from "./pod-logs.ts";
import type { PinnedClusters } from "./pinned-clusters.ts";
import { PodTransport } from "./pod-transport.ts";
import { defaultBalance } from "./pods/pod-policy.ts";
import { StandingAnswers } from "./standing-answers.ts";
import { explainMissing } from "./target/explain-missing.ts";
import type { Candidate, TargetState } from "./target/target-state.ts";
import { failureError, TargetWatch } from "./target/target-watch.ts";
import { targetOf, type Target } from "./target/target.ts";
import { TargetFollower } from "./target-follower.ts";
import { WatchHub } from "./watch/watch-hub.ts";
import { dialTunnel } from "./wire/dial-tunnel.ts";
import type { TunnelProtocol } from "./wire/tunnel-protocol.ts";
import type { PodLink } from "./wire/pod-link.ts";

/** A permission is asked for again after this: roles change. */
const permissionStandsMs = 60_000;
/** A target that leads nowhere is looked at again unless the cluster was heard within this. */
const freshMs = 1000;
/** Pods tried in one dial: what the watch knows may be a moment old. */
const podsTried = 3;

interface Reached {
  readonly candidate: Candidate;
  readonly tunnel: PodLink;
}

/** Reaches pods through the Kubernetes API server's port-forward, without kubectl. */
export class KubernetesDriver implements ForwardDriver {
  readonly technology = "kubernetes";
  readonly #clusters: Clusters;
  readonly #hub: WatchHub;
  readonly #permissions: StandingAnswers<TunnelProtocol>;
  readonly #transports = new Set<PodTransport>();

  readonly #pinned: PinnedClusters;

  constructor(clusters: Clusters, pinned: PinnedClusters) {
    this.#pinned = pinned;
    this.#clusters = clusters;
    this.#permissions = new StandingAnswers(clusters.clock, permissionStandsMs);
    this.#hub = new WatchHub(clusters.clock);
  }

  async open(spec: ServiceSpec, { signal, access, route }: DialContext): Promise<Transport> {
    signal.throwIfAborted();
    const service = kubernetes(spec);
    const target = targetOf(service);
    const api = await abortable(this.#clusters.api(access, service.connection.context, route), signal);
    const changes = { listener: () => {} };
    const watch = new TargetWatch(this.#hub, api, target, access, () => changes.listener());
    try {
      const { protocol, state } = await this.#prepare(api, target, watch, access, signal);
      if (state.failure !== undefined) {
        throw failureError(await explainMissing(api, target, state.failure, access, signal));
      }
      const reached = await this.#reach(api, target, state.candidates, protocol, { signal, access });
      const transport = new PodTransport({
        api,
        target,
        watch,
        access,
        clock: this.#clusters.clock,
        protocol,
        balance: service.balance ?? defaultBalance(target),
        onDoubt: () => this.#hub.doubt(api),
        ...reached,
      });
      changes.listener = () => transport.evaluate();
      this.#transports.add(transport);
      void transport.released.then(() => this.#transports.delete(transport));
      // The pod may have left while its tunnel was opened.
      transport.evaluate();
      return transport;
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    }
  }

  watch(spec: ServiceSpec, access: Access, onChange: () => void, route?: Route): Disposable {
    const service = kubernetes(spec);
    const { context } = service.connection;
    return new TargetFollower(this.#clusters, this.#hub, targetOf(service), { context, route }, access, onChange);
  }

  async verify(): Promise<void> {
    this.#hub.doubtAll();
    await Promise.all([...this.#transports].map((transport) => transport.verify()));
  }

  /** Of all pods of the target as it is now, whether they take connections or not. */
  async log(spec: ServiceSpec, query: LogQuery, { signal, access, route }: DialContext): Promise<ServiceLog> {
    const service = kubernetes(spec);
    const target = targetOf(service);
    const api = await abortable(this.#clusters.api(access, service.connection.context, route), signal);
    using watch = new TargetWatch(this.#hub, api, target, access, () => undefined);
    await watch.synced(signal);
    return readPodLogs({ api, namespace: target.namespace, access, signal }, watch.pods, query);
  }

  async close(): Promise<void> {
    const transports = [...this.#transports];
    for (const transport of transports) transport.destroy();
    await Promise.all(transports.map((transport) => transport.released));
    this.#hub.close();
    this.#clusters.close();
  }

  /** Cluster, permission and target at the same time; another cluster is told first, then a missing permission. */
  async #prepare(
    api: ClusterApi,
    target: Target,
    watch: TargetWatch,
    access: Access,
    signal: AbortSignal,
  ): Promise<{ readonly protocol: TunnelProtocol; readonly state: TargetState }> {
    const [pin, permission, state] = await Promise.allSettled([
      this.#pinned.check(api, access, signal),
      this.#permission(api, target.namespace, access, signal),
      watch.synced(signal),
    ]);
    signal.throwIfAborted();
    if (pin.status === "rejected" && isCode(pin.reason, "context_changed")) throw pin.reason;
    if (permission.status === "rejected" && isCode(permission.reason, "permission_denied")) throw permission.reason;
    if (state.status === "rejected") throw state.reason;
    // A watch whose connection died without a word knows nothing of what came since.
    const sure = state.value.failure === undefined ? state.value : await watch.refresh(freshMs, signal);
    // A server that does not answer the review itself is asked by trying.
    return { protocol: permission.status === "fulfilled" ? permission.value : "websocket", state: sure };
  }

  #permission(api: ClusterApi, namespace: string, access: Access, signal: AbortSignal): Promise<TunnelProtocol> {
    const key = `${api.context.name}\n${api.context.identity}\n${namespace}`;
    return this.#permissions.get(key, (shared) => forwardPermission(api, namespace, access, shared), signal);
  }

  async #reach(
    api: ClusterApi,
    { namespace }: Target,
    candidates: readonly Candidate[],
    prefer: TunnelProtocol,
    { signal, access }: DialContext,
  ): Promise<Reached> {
    let failure: unknown;
    for (const candidate of candidates.slice(0, podsTried)) {
      try {
        const { clock } = this.#clusters;
        return {
          candidate,
          tunnel: await dialTunnel({ api, namespace, pod: candidate.pod, access, clock, signal, prefer }),
        };
      } catch (error) {
        signal.throwIfAborted();
        failure ??= error;
        const another =
          error instanceof ConnectivityError && (error.code === "pod_gone" || error.code === "forward_refused");
        if (!another) break;
      }
    }
    throw failure;
  }
}

const isCode = (error: unknown, code: ErrorCode): boolean => error instanceof ConnectivityError && error.code === code;

function kubernetes(service: ServiceSpec): KubernetesService {
  if (service.technology === "kubernetes") return service;
  throw new ConnectivityError("internal_error", "a service of another technology was given to the Kubernetes driver", {
    service: service.name,
  });
}
