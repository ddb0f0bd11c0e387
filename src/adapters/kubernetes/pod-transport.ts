import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { podNews, type SeenPods } from "#domain/kubernetes/pod-news.ts";
import { isLeaving } from "#domain/kubernetes/pod.ts";
import type { Balance } from "#domain/routing/pick-target.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Expiry } from "#application/ports/expiry.ts";
import type { Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { abortable } from "./abortable.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { PodMember } from "./pods/pod-member.ts";
import { PodSet } from "./pods/pod-set.ts";
import type { Candidate } from "./target/target-state.ts";
import type { TargetWatch } from "./target/target-watch.ts";
import { targetWords, type Target } from "./target/target.ts";
import { dialTunnel } from "./wire/dial-tunnel.ts";
import type { TunnelProtocol } from "./wire/tunnel-protocol.ts";
import type { PodLink } from "./wire/pod-link.ts";

export interface PodTransportParts {
  readonly api: ClusterApi;
  readonly target: Target;
  readonly watch: TargetWatch;
  readonly access: Access;
  readonly clock: Clock;
  readonly protocol: TunnelProtocol;
  readonly balance: Balance;
  readonly candidate: Candidate;
  /** Proves the candidate reachable. */
  readonly tunnel: PodLink;
  /** A tunnel died without our doing: other connections to the API server may have died too. */
  readonly onDoubt: () => void;
}

const dialTimeoutMs = 10_000;
/** Pods that are tried for one connection: what is known of them may be a moment old. */
const podsTried = 3;
const podsShown = 10;
/** Of a change of a thousand pods. */
const newsAtOnce = 20;

/**
 * The way to one target: warm tunnels to its pods, kept in step with what takes connections now. Ends when no pod does, or
 * when all tunnels are lost and cannot be opened again at once.
 */
export class PodTransport implements Transport {
  readonly closed: Promise<ConnectivityError | undefined>;
  /** Resolves when nothing of it is open any more. */
  readonly released: Promise<void>;
  #release!: () => void;
  readonly #parts: PodTransportParts;
  readonly #pods: PodSet;
  #settle!: (cause: ConnectivityError | undefined) => void;
  /** `leaving`: closed, but connections to pods that end by themselves go on until those are gone. */
  #state: "open" | "closing" | "leaving" | "closed" = "open";
  #closing: Promise<void> | undefined;
  #seen: SeenPods | undefined;
  #tell: (news: string) => void = () => undefined;
  /** For words and facts when no pod is left. */
  #last: Candidate;

  constructor(parts: PodTransportParts) {
    this.#parts = parts;
    this.#last = parts.candidate;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.released = new Promise((resolve) => {
      this.#release = resolve;
    });
    const { api, target, access, clock, protocol, balance, watch } = parts;
    const watched = (tunnel: PodLink): PodLink => {
      void tunnel.closed.then((cause) => cause && parts.onDoubt());
      return tunnel;
    };
    this.#pods = new PodSet(parts.candidate, watched(parts.tunnel), {
      clock,
      balance,
      namespace: target.namespace,
      dial: async ({ pod }, signal) => {
        const limited = AbortSignal.any([signal, AbortSignal.timeout(dialTimeoutMs)]);
        const to = { api, namespace: target.namespace, pod, access, clock, prefer: protocol };
        return watched(await dialTunnel({ ...to, signal: limited }));
      },
      isLeaving: (candidate) => {
        const pod = watch.pod(candidate);
        return pod === undefined || isLeaving(pod);
      },
      isGone: (candidate) => {
        const phase = watch.pod(candidate)?.status?.phase ?? "Failed";
        return phase === "Succeeded" || phase === "Failed";
      },
      podGone: ({ pod }) => this.#podGone(pod),
      onEmpty: (cause) => this.#empty(cause),
    });
  }

  get via(): string {
    const { warm } = this.#pods;
    const { api, target } = this.#parts;
    const hops = api.via === undefined ? "" : `${api.via} → `;
    const pods =
      warm.length > 1
        ? `${warm.length} pods of ${targetWords(target)}`
        : `pod ${warm[0]?.candidate.pod ?? this.#last.pod}`;
    return hops + pods;
  }

  facts(): Facts {
    const { target, api, protocol, balance } = this.#parts;
    const { warm } = this.#pods;
    const candidate = warm[0]?.candidate ?? this.#last;
    return {
      pod: candidate.pod,
      port: candidate.port,
      namespace: target.namespace,
      context: api.context.name,
      protocol: warm[0]?.protocol ?? protocol,
      tunnels: warm.reduce((sum, member) => sum + member.tunnels, 0),
      ...warm[0]?.pool?.limits,
      ...(warm.length > 1 && { balance, pods: warm.slice(0, podsShown).map((member) => member.candidate.pod) }),
      ...(!candidate.ready && { pod_ready: false }),
      ...(this.#parts.api.context.tls.insecure && { tls_verified: false }),
    };
  }

  expiries(): readonly Expiry[] {
    return this.#parts.api.expiries();
  }

  connect({ signal }: { readonly signal: AbortSignal }): Promise<TunnelStream> {
    return this.#connect(signal, false);
  }

  /** A check is over before anybody else comes: it dials no spare, which a service that nobody uses would keep for nothing. */
  connectForCheck({ signal }: { readonly signal: AbortSignal }): Promise<TunnelStream> {
    return this.#connect(signal, true);
  }

  async #connect(signal: AbortSignal, forCheck: boolean): Promise<TunnelStream> {
    const tried = new Set<PodMember>();
    let failure: unknown;
    while (tried.size < podsTried) {
      signal.throwIfAborted();
      this.#check();
      const member = this.#pods.choose(tried);
      if (member === undefined) {
        // A pod that leaves takes no new connections while another one is on its way.
        if (!this.#pods.warming) break;
        await abortable(this.#pods.change, signal);
        continue;
      }
      tried.add(member);
      this.#last = member.candidate;
      try {
        const stream = await member.open(signal, forCheck);
        if (!signal.aborted) return stream;
        stream.destroy();
      } catch (error) {
        signal.throwIfAborted();
        failure ??= error;
        member.passOver();
      }
    }
    this.#check();
    throw failure ?? this.#podGone(this.#last.pod);
  }

  /** Ends what is not answered any more, after a sleep or a change of network. Never rejects. */
  verify(): Promise<void> {
    return this.#pods.verify();
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#drain(deadlineMs));
  }

  destroy(reason?: ConnectivityError): void {
    this.#end(undefined, reason);
  }

  /** Looks at the target again; called after each change of its watch. */
  evaluate(): void {
    if (this.#state !== "open" && this.#state !== "leaving") return;
    const { news, seen } = podNews(this.#seen, this.#parts.watch.pods);
    this.#seen = seen;
    for (const one of news.slice(0, newsAtOnce)) this.#tell(one);
    this.#pods.follow(this.#parts.watch.state.candidates);
  }

  onNews(listener: (news: string) => void): void {
    this.#tell = listener;
  }

  #check(): void {
    if (this.#state === "open") return;
    throw new ConnectivityError("connection_lost", `the way to ${this.via} is closed`, {
      pod: this.#last.pod,
      namespace: this.#parts.target.namespace,
    });
  }

  /** Nothing is warm and nothing on its way: the pods are gone, or the cluster is. */
  #empty(cause: ConnectivityError | undefined): void {
    if (this.#state !== "open") return;
    const { watch, target } = this.#parts;
    if (cause === undefined || cause.code === "pod_gone" || watch.state.candidates.length === 0) {
      void this.#leave(this.#podGone(this.#last.pod, cause));
      return;
    }
    const facts = { pod: this.#last.pod, namespace: target.namespace, because: cause.code };
    this.#end(new ConnectivityError("connection_lost", `the tunnels to ${this.via} are lost`, facts, { cause }));
  }

  #podGone(pod: string, cause?: unknown): ConnectivityError {
    const facts = { pod, namespace: this.#parts.target.namespace };
    return new ConnectivityError("pod_gone", `pod ${pod} is gone`, facts, { cause });
  }

  async #drain(deadlineMs: number): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#parts.watch[Symbol.dispose]();
    let cut: Disposable | undefined;
    const deadline = new Promise<void>((resolve) => {
      cut = this.#parts.clock.after(deadlineMs, resolve);
    });
    await Promise.race([this.#pods.drain(), deadline, this.closed]);
    cut?.[Symbol.dispose]();
    this.#end(undefined);
  }

  /** No pod takes new connections: those that are open end with their pods. */
  async #leave(cause: ConnectivityError): Promise<void> {
    this.#state = "leaving";
    this.#settle(cause);
    await this.#pods.drain();
    this.#end(undefined);
  }

  /** @param reason for the open connections; default: the cause */
  #end(cause: ConnectivityError | undefined, reason: ConnectivityError | undefined = cause): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#parts.watch[Symbol.dispose]();
    this.#pods.destroy(reason);
    this.#settle(cause);
    this.#release();
  }
}
