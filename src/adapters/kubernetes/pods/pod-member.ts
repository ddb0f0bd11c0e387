import { ConnectivityError, isUndelivered } from "#domain/connectivity-error.ts";
import type { TargetLoad } from "#domain/routing/pick-target.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Candidate } from "../target/target-state.ts";
import type { PodLink } from "../wire/pod-link.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import { TunnelPool } from "../wire/tunnel-pool.ts";

/** How long a pod that failed to take a connection is passed over: doubled with each failure in a row, up to the longest. */
const passOverFirstMs = 1000;
const passOverLongestMs = 30_000;

export interface MemberParts {
  readonly clock: Clock;
  readonly namespace: string;
  /** Ends its dials. */
  readonly ending: AbortSignal;
  readonly dial: (candidate: Candidate, signal: AbortSignal) => Promise<PodLink>;
  /** It refused a connection. */
  readonly onRefused: () => void;
  /** Its last tunnel is gone and another could not be opened. */
  readonly onLost: (member: PodMember, cause: ConnectivityError) => void;
}

/** One pod that takes connections, with a pool of tunnels once it is used. */
export class PodMember {
  readonly uid: string;
  candidate: Candidate;
  lastChosen = 0;
  lastUsedMs: number;
  readonly #parts: MemberParts;
  #pool: TunnelPool | undefined;
  #warming: Promise<TunnelPool> | undefined;
  #failures = 0;
  #passedOverUntilMs = Number.NEGATIVE_INFINITY;

  /** @param tunnel when it is open already */
  constructor(candidate: Candidate, parts: MemberParts, tunnel?: PodLink) {
    this.candidate = candidate;
    this.uid = candidate.uid;
    this.#parts = parts;
    this.lastUsedMs = parts.clock.monotonicMs();
    if (tunnel !== undefined) this.#pool = this.#poolFrom(tunnel);
  }

  get load(): TargetLoad {
    return {
      connections: this.#pool?.streams ?? 0,
      lastChosen: this.lastChosen,
      passedOver: this.#parts.clock.monotonicMs() < this.#passedOverUntilMs,
      warm: this.warm,
    };
  }

  /** Whether it takes a connection without a dial. */
  get warm(): boolean {
    return this.#pool !== undefined;
  }
  get pool(): TunnelPool | undefined {
    return this.#pool;
  }
  get warming(): boolean {
    return this.#warming !== undefined;
  }
  get tunnels(): number {
    return this.#pool?.tunnels ?? 0;
  }
  get protocol(): string | undefined {
    return this.#pool?.protocol;
  }

  /** Opens its first tunnel, once for all who ask. @throws ConnectivityError of the dial */
  async warmUp(): Promise<TunnelPool> {
    if (this.#pool !== undefined) return this.#pool;
    this.#warming ??= this.#dial().finally(() => (this.#warming = undefined));
    return this.#warming;
  }

  /** @throws ConnectivityError of the dial; the signal's reason */
  async open(signal: AbortSignal, forCheck = false): Promise<TunnelStream> {
    const { pod, port, endCuts } = this.candidate;
    this.lastUsedMs = this.#parts.clock.monotonicMs();
    const pool = this.#pool ?? (await this.warmUp());
    const stream = await pool.open({ namespace: this.#parts.namespace, pod, port, endCuts }, signal, forCheck);
    stream.once("error", (error) => {
      // Whoever reads it may destroy it with an error of their own.
      const refused = error instanceof ConnectivityError && (isUndelivered(error) || error.code === "forward_refused");
      if (!refused) return;
      this.passOver();
      this.#parts.onRefused();
    });
    return stream;
  }

  /** It failed to take a connection: others come first for a while. */
  passOver(): void {
    const { clock } = this.#parts;
    const now = clock.monotonicMs();
    if (now - this.#passedOverUntilMs > passOverLongestMs) this.#failures = 0;
    const ms = Math.min(passOverLongestMs, passOverFirstMs * 2 ** this.#failures++);
    this.#passedOverUntilMs = now + ms;
  }

  /** Takes no new connections; the pool that may still carry some, if it had one. */
  retire(): TunnelPool | undefined {
    const pool = this.#pool;
    this.#pool = undefined;
    return pool;
  }

  async #dial(): Promise<TunnelPool> {
    const { dial, ending } = this.#parts;
    try {
      const tunnel = await dial(this.candidate, ending);
      if (ending.aborted) {
        tunnel.destroy();
        throw ending.reason;
      }
      return (this.#pool = this.#poolFrom(tunnel));
    } catch (error) {
      this.passOver();
      throw error;
    }
  }

  #poolFrom(tunnel: PodLink): TunnelPool {
    const pool: TunnelPool = new TunnelPool(tunnel, {
      clock: this.#parts.clock,
      dial: (signal) => this.#parts.dial(this.candidate, signal),
      onLost: (cause) => {
        if (this.#pool !== pool) return;
        this.passOver();
        this.#parts.onLost(this, cause);
      },
    });
    return pool;
  }
}
