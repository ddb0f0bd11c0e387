import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { isAllowed, type ReviewedAction } from "./api/access-review.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { Clusters } from "./clusters.ts";
import { resolveContext } from "./config/cluster-context.ts";
import { selectorText } from "./target/label-selector.ts";
import { podSelector, targetKinds, type TargetObject } from "./target/target-kinds.ts";
import { prunePod } from "./watch/prune-pod.ts";

/** Who asks which cluster; `context` absent: the current one. Every question below throws ConnectivityError as `ClusterApi.json`. */
export interface ClusterQuestion {
  readonly access: Access;
  readonly signal: AbortSignal;
  readonly context?: string | undefined;
  /** The hops before the API server. */
  readonly route?: Route | undefined;
}

export interface ObjectName {
  /** `service`, `pod`, `deployment`, … as in a service's `resource_type`. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** An event of the cluster about one object; `untrusted` is its text. */
export interface ClusterEvent {
  readonly type: string;
  readonly reason: string;
  readonly object: string;
  readonly count: number;
  readonly lastMs: number;
  readonly untrusted: string;
}

interface EventObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
}

const eventsRead = "100";
const podsRead = "200";
const messageShown = 1024;

/** Single facts about a cluster, for diagnosis: each method asks one question and keeps nothing. */
export class ClusterFacts {
  readonly #clusters: Clusters;

  constructor(clusters: Clusters) {
    this.#clusters = clusters;
  }

  /** Where the kubeconfig leads; without any request. */
  async context({ access, context }: ClusterQuestion): Promise<Facts> {
    const config = await this.#clusters.kubeconfig(access);
    const resolved = resolveContext(config, context);
    return {
      context: resolved.name,
      cluster: resolved.clusterName,
      server: resolved.server.host,
      user: resolved.userName,
      files: config.paths,
      ...(resolved.user.exec !== undefined && { plugin: resolved.user.exec.command }),
      ...(resolved.tls.insecure && { tls_verified: false }),
    };
  }

  /** Names of all contexts, the current one first. */
  async contexts({ access }: ClusterQuestion): Promise<readonly string[]> {
    const { contexts, currentContext } = await this.#clusters.kubeconfig(access);
    const names = [...contexts.keys()];
    return currentContext === undefined ? names : [currentContext, ...names.filter((name) => name !== currentContext)];
  }

  /** Whether the API server answers, with its version and the time that took. */
  async reach(question: ClusterQuestion): Promise<{ readonly version: string; readonly ms: number }> {
    const api = await this.#api(question);
    const startMs = this.#clusters.clock.monotonicMs();
    const subject = { verb: "get", resource: "version" };
    const answer = await api.json<{ gitVersion?: string }>({ path: "/version", subject, ...asking(question) });
    return { version: answer.gitVersion ?? "unknown", ms: Math.round(this.#clusters.clock.monotonicMs() - startMs) };
  }

  async allowed(action: ReviewedAction, question: ClusterQuestion): Promise<boolean> {
    return isAllowed(await this.#api(question), action, question.access, question.signal);
  }

  /** @returns `undefined` when it may not be read, which many users may not */
  async namespaceExists(namespace: string, question: ClusterQuestion): Promise<boolean | undefined> {
    const subject = { verb: "get", resource: "namespaces", name: namespace };
    try {
      const api = await this.#api(question);
      await api.json({ path: `/api/v1/namespaces/${encodeURIComponent(namespace)}`, subject, ...asking(question) });
      return true;
    } catch (error) {
      if (error instanceof ConnectivityError && error.code === "resource_missing") return false;
      if (error instanceof ConnectivityError && error.code === "permission_denied") return undefined;
      throw error;
    }
  }

  /** A Service or workload. @throws ConnectivityError `resource_missing`, `permission_denied` */
  async object({ kind, namespace, name }: ObjectName, question: ClusterQuestion): Promise<TargetObject> {
    const { group, resource } = targetKinds[kind] ?? { group: "/api/v1", resource: "pods" };
    const api = await this.#api(question);
    return api.json<TargetObject>({
      path: `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}/${encodeURIComponent(name)}`,
      subject: { verb: "get", resource, namespace, name },
      ...asking(question),
    });
  }

  /** The pods behind an object as they are now, at most 200; of a pod itself that one. `podFailure` says what is wrong with each. */
  async pods(name: ObjectName, question: ClusterQuestion): Promise<readonly Pod[]> {
    const api = await this.#api(question);
    const isPod = targetKinds[name.kind] === undefined;
    const selector = isPod ? undefined : selectorText(podSelector(name.kind, await this.object(name, question)));
    if (!isPod && selector === undefined) return [];
    const answer = await api.json<{ items?: readonly Pod[] }>({
      path: `/api/v1/namespaces/${encodeURIComponent(name.namespace)}/pods`,
      query: {
        limit: podsRead,
        ...(isPod ? { fieldSelector: `metadata.name=${name.name}` } : { labelSelector: selector }),
      },
      subject: { verb: "list", resource: "pods", namespace: name.namespace },
      ...asking(question),
    });
    return (answer.items ?? []).map(prunePod);
  }

  /** Events about an object of a namespace, newest first, at most 100. */
  async events(namespace: string, object: string, question: ClusterQuestion): Promise<readonly ClusterEvent[]> {
    const api = await this.#api(question);
    const answer = await api.json<{ items?: readonly EventObject[] }>({
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
      query: { limit: eventsRead, fieldSelector: `involvedObject.name=${object}` },
      subject: { verb: "list", resource: "events", namespace },
      ...asking(question),
    });
    return (answer.items ?? []).map(clusterEvent).toSorted((a, b) => b.lastMs - a.lastMs);
  }

  #api({ access, context, route }: ClusterQuestion): Promise<ClusterApi> {
    return this.#clusters.api(access, context, route);
  }
}

const asking = ({ access, signal }: ClusterQuestion) => ({ access, signal });

function clusterEvent(event: EventObject): ClusterEvent {
  const last = event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? "";
  return {
    type: event.type === "Warning" ? "Warning" : "Normal",
    // Any program may write events: a reason that is no identifier is text from outside.
    reason: /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(event.reason ?? "") ? (event.reason ?? "") : "Other",
    object: `${event.involvedObject?.kind ?? ""}/${event.involvedObject?.name ?? ""}`,
    count: event.series?.count ?? event.count ?? 1,
    lastMs: Date.parse(last) || 0,
    untrusted: (event.message ?? "").slice(0, messageShown),
  };
}
