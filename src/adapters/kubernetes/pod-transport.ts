import { ConnectivityError, type Facts, toConnectivityError } from "#domain/connectivity-error.ts";
import { isLeaving } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Expiry } from "#application/ports/expiry.ts";
import type { Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import { abortable } from "./abortable.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import type { Candidate, Target } from "./target/target-state.ts";
import type { TargetWatch } from "./target/target-watch.ts";
import { dialTunnel, type TunnelProtocol } from "./wire/dial-tunnel.ts";
import type { Tunnel } from "./wire/tunnel.ts";
import { TunnelPool } from "./wire/tunnel-pool.ts";

export interface PodTransportParts {
  readonly api: ClusterApi;
  readonly target: Target;
  readonly watch: TargetWatch;
  readonly access: Access;
  readonly clock: Clock;
  readonly protocol: TunnelProtocol;
  readonly candidate: Candidate;
  /** Proves the candidate reachable. */
  readonly tunnel: Tunnel;
}

interface Slot {
  readonly candidate: Candidate;
  readonly pool: TunnelPool;
}

/**
 * Whether to leave a pod that still takes connections: for a ready one when it is not, and for one of a newer version,
 * since a rollout deletes the old pod the moment the new one is ready.
 */
const isBetter = (other: Candidate, current: Candidate): boolean =>
  other.ready && (!current.ready || (other.owner !== current.owner && other.createdMs > current.createdMs));

/** What a pod that is gone has sent may still be on its way; then its open connections are reset. */
const lastBytesMs = 500;
const dialTimeoutMs = 10_000;

/**
 * The way to one target: warm tunnels to one of its pods, and to the next when that one leaves. Ends when the pod is gone
 * and no other is ready, or when its tunnels are lost and cannot be opened again at once.
 */
export class PodTransport implements Transport {
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #parts: PodTransportParts;
  #settle!: (cause: ConnectivityError | undefined) => void;
  #state: "open" | "closing" | "closed" = "open";
  #slot: Slot;
  /** Earlier pods that still carry connections. */
  readonly #leaving = new Set<Slot>();
  #move: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #ending = new AbortController();

  constructor(parts: PodTransportParts) {
    this.#parts = parts;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#slot = this.#slotFor(parts.candidate, parts.tunnel);
  }

  get via(): string {
    return `pod ${this.#slot.candidate.pod}`;
  }

  facts(): Facts {
    const { candidate, pool } = this.#slot;
    return {
      pod: candidate.pod,
      port: candidate.port,
      namespace: this.#parts.target.namespace,
      context: this.#parts.api.context.name,
      protocol: pool.protocol ?? this.#parts.protocol,
      tunnels: pool.tunnels,
      ...(!candidate.ready && { pod_ready: false }),
      ...(this.#parts.api.context.tls.insecure && { tls_verified: false }),
    };
  }

  expiries(): readonly Expiry[] {
    return this.#parts.api.expiries();
  }

  async connect({ signal }: { readonly signal: AbortSignal }): Promise<TunnelStream> {
    signal.throwIfAborted();
    this.#check();
    // A pod that leaves takes no new connections while another one is on its way.
    if (this.#move !== undefined && this.#isGone(this.#slot.candidate)) await abortable(this.#move, signal);
    this.#check();
    const { candidate, pool } = this.#slot;
    const to = {
      namespace: this.#parts.target.namespace,
      pod: candidate.pod,
      port: candidate.port,
      endCuts: candidate.endCuts,
    };
    try {
      const stream = await pool.open(to, signal);
      if (!signal.aborted) return stream;
      stream.destroy();
    } catch (error) {
      signal.throwIfAborted();
      this.#check();
      throw error;
    }
    throw signal.reason;
  }

  close(deadlineMs: number): Promise<void> {
    return (this.#closing ??= this.#drain(deadlineMs));
  }

  destroy(reason?: ConnectivityError): void {
    this.#end(undefined, reason);
  }

  /** Looks at the target again; called after each change of its watch. */
  evaluate(): void {
    if (this.#state !== "open") return;
    for (const slot of this.#leaving) if (this.#isDeleted(slot.candidate)) this.#resetSoon(slot);
    const { candidates } = this.#parts.watch.state;
    const [best] = candidates;
    const same = candidates.find(({ uid }) => uid === this.#slot.candidate.uid);
    if (same !== undefined && (best === undefined || !isBetter(best, same))) {
      if (same.port !== this.#slot.candidate.port || same.ready !== this.#slot.candidate.ready) {
        this.#slot = { ...this.#slot, candidate: same };
      }
      return;
    }
    if (best !== undefined) this.#moveTo(best);
    else if (this.#isGone(this.#slot.candidate)) this.#end(this.#podGone());
    // Otherwise the pod is there but not ready, as all others are: its connections tell.
  }

  #check(): void {
    if (this.#state === "open") return;
    throw new ConnectivityError("connection_lost", `the way to ${this.via} is closed`, {
      pod: this.#slot.candidate.pod,
      namespace: this.#parts.target.namespace,
    });
  }

  #moveTo(candidate: Candidate): void {
    if (this.#move !== undefined) return;
    this.#move = this.#takeOver(candidate).finally(() => {
      this.#move = undefined;
      // The target may have changed again meanwhile.
      this.evaluate();
    });
  }

  /** Make before break: the new pod has a tunnel before the old one takes no more. */
  async #takeOver(candidate: Candidate): Promise<void> {
    const before = this.#slot;
    try {
      const tunnel = await this.#dial(candidate, this.#ending.signal);
      if (this.#state !== "open") {
        tunnel.destroy();
        return;
      }
      this.#slot = this.#slotFor(candidate, tunnel);
      this.#leaving.add(before);
      void before.pool.drain().then(() => this.#leaving.delete(before));
      if (this.#isDeleted(before.candidate)) this.#resetSoon(before);
    } catch (error) {
      if (this.#state === "open" && this.#isGone(before.candidate)) this.#end(this.#podGone(error));
    }
  }

  #dial({ pod }: Candidate, signal: AbortSignal): Promise<Tunnel> {
    const { api, access, clock, protocol, target } = this.#parts;
    const limited = AbortSignal.any([signal, AbortSignal.timeout(dialTimeoutMs)]);
    return dialTunnel({ api, namespace: target.namespace, pod, access, clock, signal: limited, prefer: protocol });
  }

  #slotFor(candidate: Candidate, tunnel: Tunnel): Slot {
    const pool = new TunnelPool(tunnel, {
      clock: this.#parts.clock,
      dial: (signal) => this.#dial(candidate, signal),
      onLost: (cause) => this.#lost(candidate, cause),
    });
    return { candidate, pool };
  }

  #lost(candidate: Candidate, cause: ConnectivityError): void {
    if (this.#state !== "open" || candidate.uid !== this.#slot.candidate.uid || this.#move !== undefined) return;
    const [best] = this.#parts.watch.state.candidates.filter(({ uid }) => uid !== candidate.uid);
    const podLevel = cause.code === "pod_gone" || cause.code === "forward_refused";
    if (podLevel && best !== undefined) this.#moveTo(best);
    else if (cause.code === "pod_gone") this.#end(this.#podGone(cause));
    else {
      const facts = { pod: candidate.pod, namespace: this.#parts.target.namespace, because: cause.code };
      this.#end(new ConnectivityError("connection_lost", `the tunnels to ${this.via} are lost`, facts, { cause }));
    }
  }

  #resetSoon(slot: Slot): void {
    this.#leaving.delete(slot);
    this.#parts.clock.after(lastBytesMs, () => slot.pool.destroy(this.#podGone(undefined, slot.candidate)));
  }

  #isGone(candidate: Candidate): boolean {
    const pod = this.#parts.watch.pods.find(({ metadata }) => metadata.uid === candidate.uid);
    return pod === undefined || isLeaving(pod);
  }

  #isDeleted(candidate: Candidate): boolean {
    const pod = this.#parts.watch.pods.find(({ metadata }) => metadata.uid === candidate.uid);
    return pod === undefined || pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  }

  #podGone(cause?: unknown, { pod } = this.#slot.candidate): ConnectivityError {
    const facts = { pod, namespace: this.#parts.target.namespace };
    return new ConnectivityError("pod_gone", `pod ${pod} is gone`, facts, { cause });
  }

  async #drain(deadlineMs: number): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#parts.watch[Symbol.dispose]();
    const slots = [this.#slot, ...this.#leaving];
    let cut: Disposable | undefined;
    const deadline = new Promise<void>((resolve) => {
      cut = this.#parts.clock.after(deadlineMs, resolve);
    });
    await Promise.race([Promise.all(slots.map(({ pool }) => pool.drain())), deadline, this.closed]);
    cut?.[Symbol.dispose]();
    this.#end(undefined);
  }

  /** @param reason for the open connections; default: the cause */
  #end(cause: ConnectivityError | undefined, reason: ConnectivityError | undefined = cause): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#parts.watch[Symbol.dispose]();
    this.#ending.abort(toConnectivityError(new DOMException("closed", "AbortError")));
    for (const { pool } of [this.#slot, ...this.#leaving]) pool.destroy(reason);
    this.#leaving.clear();
    this.#settle(cause);
  }
}
