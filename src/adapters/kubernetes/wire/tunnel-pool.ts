import type { Duplex } from "node:stream";
import { type ConnectivityError, type Facts, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "../abortable.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { chooseTunnel, poolLimits, sparesWanted, tunnelsToDial, type PoolLimits } from "./pool-policy.ts";
import type { PodLink } from "./pod-link.ts";

export interface PoolOptions {
  readonly clock: Clock;
  readonly limits?: PoolLimits;
  /** Opens one more tunnel to the pod. */
  readonly dial: (signal: AbortSignal) => Promise<PodLink>;
  /** The last tunnel is gone and another could not be opened. */
  readonly onLost: (cause: ConnectivityError) => void;
}

/** A tunnel that the server ends sooner than this was hardly one. */
const youngMs = 5000;
const youngDeathsAllowed = 3;
const shortestPauseMs = 250;
const longestPauseMs = 10_000;
/** How long a connection waits for a tunnel of its own before it shares one. */
const patienceMs = 500;

/** The tunnels to one pod: warm ones are kept, lost ones replaced, connections spread over them. */
export class TunnelPool {
  readonly #options: PoolOptions;
  readonly #limits: PoolLimits;
  readonly #tunnels: PodLink[] = [];
  /** Tunnels that take no more streams but still carry some. */
  readonly #leaving = new Set<PodLink>();
  readonly #ending = new AbortController();
  #dialing = 0;
  #waiting = 0;
  /** Settles at the next change of the tunnels or of the dials. */
  #change = nextChange();
  #trim: Disposable | undefined;
  #pause: Disposable | undefined;
  #youngDeaths = 0;

  /** @param first the tunnel that proved the pod reachable */
  constructor(first: PodLink, options: PoolOptions) {
    this.#options = options;
    this.#limits = options.limits ?? poolLimits;
    this.#add(first);
  }

  get streams(): number {
    return this.#all().reduce((sum, tunnel) => sum + tunnel.streams, 0);
  }

  get tunnels(): number {
    return this.#tunnels.length;
  }

  get protocol(): string | undefined {
    return this.#tunnels[0]?.protocol;
  }

  /** What its way to the pod cannot do. */
  get limits(): Facts | undefined {
    return this.#tunnels[0]?.limits;
  }

  /**
   * Opens a connection on the best tunnel; dials when every tunnel is blocked or gone.
   * @param forCheck it is short: no spare is dialled in its place
   * @throws ConnectivityError of the dial; the signal's reason
   */
  async open(target: ForwardTarget, signal: AbortSignal, forCheck = false): Promise<Duplex> {
    const deadlineMs = this.#options.clock.monotonicMs() + patienceMs;
    for (let crowded = false; ;) {
      signal.throwIfAborted();
      this.#ending.signal.throwIfAborted();
      const choice =
        crowded && this.#tunnels.length > 0
          ? chooseTunnel(this.#tunnels, 0, 0, { ...this.#limits, maxTunnels: 0 })
          : chooseTunnel(this.#tunnels, this.#dialing, this.#waiting, this.#limits);
      const tunnel = typeof choice === "object" ? this.#tunnels[choice.use] : undefined;
      if (tunnel !== undefined) {
        const stream = tunnel.open(target);
        if (!forCheck) this.#topUp();
        return stream;
      }
      const coming = choice === "dial" ? this.#dial() : this.#change.promise;
      this.#waiting++;
      try {
        await abortable(this.#withPatience(coming, deadlineMs), signal);
        crowded = this.#options.clock.monotonicMs() >= deadlineMs;
      } catch (error) {
        signal.throwIfAborted();
        // Crowded is better than refused.
        if (crowded || this.#tunnels.length === 0) throw error;
        crowded = true;
      } finally {
        this.#waiting--;
      }
    }
  }

  /** Waits for what is coming; where there are tunnels to share meanwhile, no longer than the deadline. */
  async #withPatience(coming: Promise<void>, deadlineMs: number): Promise<void> {
    if (this.#tunnels.length === 0) return coming;
    const { clock } = this.#options;
    let timer: Disposable | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), resolve);
    });
    await Promise.race([coming, late]).finally(() => timer?.[Symbol.dispose]());
  }

  /** After a sleep or a change of network: ends those whose peer is not there any more. Never rejects. */
  async verify(): Promise<void> {
    await Promise.all(this.#all().map(async (tunnel) => tunnel.verify?.()));
  }

  /** No new connections; open ones end by themselves, then `drained` resolves. */
  async drain(): Promise<void> {
    const all = this.#all();
    this.#end();
    for (const tunnel of all) tunnel.drain();
    await Promise.all(all.map((tunnel) => tunnel.closed));
  }

  destroy(reason?: ConnectivityError): void {
    const all = this.#all();
    this.#end(reason);
    for (const tunnel of all) tunnel.destroy(reason);
  }

  #end(reason?: ConnectivityError): void {
    this.#trim?.[Symbol.dispose]();
    this.#pause?.[Symbol.dispose]();
    if (!this.#ending.signal.aborted) this.#ending.abort(reason);
    this.#tell();
  }

  #add(tunnel: PodLink): void {
    this.#tunnels.push(tunnel);
    const sinceMs = this.#options.clock.monotonicMs();
    tunnel.onIdle = () => this.#changed(tunnel);
    tunnel.othersRespond = () => this.#all().some((other) => other !== tunnel && other.responsive);
    void tunnel.closed.then((cause) => {
      // A server that takes tunnels only to drop them is not asked again at once each time.
      const youngDeath = cause !== undefined && this.#options.clock.monotonicMs() - sinceMs < youngMs;
      this.#youngDeaths = youngDeath ? this.#youngDeaths + 1 : 0;
      this.#changed(tunnel);
    });
    if (!tunnel.usable) this.#changed(tunnel);
  }

  #changed(tunnel: PodLink): void {
    if (!tunnel.usable) {
      const at = this.#tunnels.indexOf(tunnel);
      if (at !== -1) this.#tunnels.splice(at, 1);
      if (!tunnel.empty) this.#leaving.add(tunnel);
      else this.#leaving.delete(tunnel);
    }
    this.#tell();
    if (this.#ending.signal.aborted) return;
    this.#topUpSoon();
    this.#trim ??= this.#options.clock.after(this.#limits.idleMs, () => this.#dropIdle());
  }

  #topUpSoon(): void {
    if (this.#youngDeaths < youngDeathsAllowed) this.#topUp();
    else {
      const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** (this.#youngDeaths - youngDeathsAllowed));
      this.#pause ??= this.#options.clock.after(pauseMs, () => {
        this.#pause = undefined;
        this.#topUp();
      });
    }
  }

  #all(): PodLink[] {
    return [...this.#tunnels, ...this.#leaving];
  }

  #topUp(): void {
    for (let missing = tunnelsToDial(this.#tunnels, this.#dialing, this.#limits); missing > 0; missing--) {
      // Told by `onLost` when it matters; a connection that waits dials for itself then.
      this.#dial().catch(() => {});
    }
  }

  async #dial(): Promise<void> {
    this.#dialing++;
    try {
      const tunnel = await this.#options.dial(this.#ending.signal);
      if (this.#ending.signal.aborted) tunnel.destroy();
      else this.#add(tunnel);
    } catch (error) {
      if (!this.#ending.signal.aborted && this.#tunnels.length === 0 && this.#dialing === 1) {
        this.#options.onLost(toConnectivityError(error));
      }
      throw error;
    } finally {
      this.#dialing--;
      this.#tell();
    }
  }

  #tell(): void {
    const { resolve } = this.#change;
    this.#change = nextChange();
    resolve();
  }

  #dropIdle(): void {
    this.#trim = undefined;
    const idle = this.#tunnels.filter((tunnel) => tunnel.streams === 0);
    for (const tunnel of idle.slice(sparesWanted(this.#tunnels.length - idle.length, this.#limits))) tunnel.drain();
  }
}

function nextChange(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
