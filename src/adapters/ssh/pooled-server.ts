import type { Expiry } from "#application/ports/expiry.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { ClientSocket } from "#application/ports/local-listener.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, toConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { ServerConnection } from "./server-connection.ts";
import { ConnectionSet } from "./connection-set.ts";
import { LastFailure } from "./last-failure.ts";

/** A share of a server's connections; the last one that is released lets them go after the linger time. */
export interface Lease {
  /** Resolves once, when no connection is left: with the cause, or `undefined` after the driver's own close. */
  readonly closed: Promise<ConnectivityError | undefined>;
  /** The first connection that is there: what is not a channel (a remote forward, a question) goes by it. */
  readonly connection: ServerConnection;
  facts(): Facts;
  expiries(): readonly Expiry[];
  /** Opens a channel, by a further connection when the others have no room. @throws as `ServerConnection.open` */
  open(to: RouteTarget, signal: AbortSignal, client?: ClientSocket): Promise<TunnelStream>;
  /** Idempotent. */
  release(): void;
}

export type Dial = (signal: AbortSignal) => Promise<ServerConnection>;

export interface PoolTiming {
  /** How long connections that nobody uses stay open for the next one. */
  readonly lingerMs: number;
  /** A server that cannot be reached is tried no more often than this, and this often while somebody waits for it. */
  readonly retryGapMs: number;
  /** [0, 1), for jitter. */
  readonly random: () => number;
}

/** A person does not type a code again because a service was restarted. */
const typedLingerMs = 10 * 60_000;

interface Dialling {
  readonly promise: Promise<ConnectionSet>;
  readonly abandon: AbortController;
}

/**
 * The connections to one server by one route and login, for all that want them. Dialled once however many ask at the same
 * time; while it cannot be reached, one attempt after the other is made for all that wait.
 */
export class PooledServer {
  readonly #timing: PoolTiming;
  readonly #onIdle: () => void;
  readonly #watchers = new Set<() => void>();
  readonly #failure: LastFailure;
  #dial: Dial;
  #set: ConnectionSet | undefined;
  #dialling: Dialling | undefined;
  /** Leases, and those who wait for the dial. */
  #users = 0;
  #timer: NodeJS.Timeout | undefined;
  #revival: NodeJS.Timeout | undefined;
  /** A person typed for what is open. */
  #typed = false;
  #closed = false;

  /** @param onIdle nobody uses, awaits or watches it any more: it may be forgotten */
  constructor(dial: Dial, timing: PoolTiming, onIdle: () => void) {
    this.#dial = dial;
    this.#timing = timing;
    this.#onIdle = onIdle;
    this.#failure = new LastFailure(timing);
  }

  /**
   * @param dial replaces the one before: what it reads of the person may have changed
   * @param signature changes when what there is to log in with does
   * @throws what the dial throws; the signal's reason
   */
  async acquire(dial: Dial, signature: () => Promise<string>, signal: AbortSignal): Promise<Lease> {
    this.#dial = dial;
    return this.#share(() => this.#ready(signature), signal);
  }

  /**
   * A share by the login of a person, who types; nothing is asked when a connection is there. Whoever waits is told.
   * @throws as `acquire`
   */
  async logIn(dial: Dial, signal: AbortSignal): Promise<Lease> {
    const lease = await this.#share(() => this.#byPerson(dial), signal);
    for (const watcher of this.#watchers) watcher();
    return lease;
  }

  async #share(ready: () => Promise<ConnectionSet>, signal: AbortSignal): Promise<Lease> {
    this.#users++;
    clearTimeout(this.#timer);
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const set = await Promise.race([ready(), aborted.promise]);
      return this.#lease(set);
    } catch (error) {
      this.#leave();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Calls back when it can be reached again, or fails for another reason than before; tries as long as somebody watches. */
  watch(onChange: () => void): Disposable {
    const watcher = (): void => onChange();
    this.#watchers.add(watcher);
    if (this.#failure.comesBack) this.#reviveLater();
    return {
      [Symbol.dispose]: () => {
        this.#watchers.delete(watcher);
        this.#restIfIdle();
      },
    };
  }

  /** Ends the connections that do not answer within that time. */
  async verify(withinMs: number): Promise<void> {
    await this.#set?.verify(withinMs);
  }

  /** Cuts everything. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#revival);
    this.#watchers.clear();
    this.#dialling?.abandon.abort(new ConnectivityError("cancelled", "the SSH driver was closed"));
    await this.#set?.destroy();
  }

  async #ready(signature: () => Promise<string>): Promise<ConnectionSet> {
    if (this.#set?.alive) return this.#set;
    if (!this.#dialling) await this.#failure.pass(signature);
    if (this.#closed) throw new ConnectivityError("connection_lost", "the SSH driver was closed");
    if (this.#set?.alive) return this.#set;
    return (this.#dialling ??= this.#startDial(signature)).promise;
  }

  async #byPerson(dial: Dial): Promise<ConnectionSet> {
    // One that began without a person ends without one.
    await Promise.allSettled([this.#dialling?.promise]);
    if (this.#closed) throw new ConnectivityError("connection_lost", "the SSH driver was closed");
    if (this.#set?.alive) return this.#set;
    this.#dialling ??= this.#startDial(() => Promise.resolve(""), dial);
    const set = await this.#dialling.promise;
    this.#typed = true;
    return set;
  }

  #startDial(signature: () => Promise<string>, dial: Dial = this.#dial): Dialling {
    const abandon = new AbortController();
    const dialling = { promise: this.#open(dial, abandon.signal, signature), abandon };
    const settled = Promise.allSettled([dialling.promise]);
    void settled.then(() => {
      if (this.#dialling === dialling) this.#dialling = undefined;
    });
    return dialling;
  }

  async #open(dial: Dial, signal: AbortSignal, signature: () => Promise<string>): Promise<ConnectionSet> {
    try {
      const first = await dial(signal);
      const set = new ConnectionSet(first, (inner) => this.#dial(inner), this.#timing.lingerMs);
      // Nobody wanted it by the time it was there.
      if (signal.aborted) void set.destroy();
      else this.#set = set;
      this.#failure.clear();
      void set.closed.then(() => {
        if (this.#set !== set) return;
        this.#set = undefined;
        this.#typed = false;
      });
      return set;
    } catch (thrown) {
      if (!signal.aborted) await this.#failure.remember(toConnectivityError(thrown), signature);
      if (this.#failure.comesBack) this.#reviveLater();
      throw thrown;
    }
  }

  #lease(set: ConnectionSet): Lease {
    let released = false;
    return {
      closed: set.closed,
      get connection() {
        return set.first;
      },
      facts: () => set.facts(),
      expiries: () => set.first.expiries(),
      open: (to, signal, client) => set.open(to, signal, client),
      release: () => {
        if (released) return;
        released = true;
        this.#leave();
      },
    };
  }

  #leave(): void {
    if (--this.#users === 0) this.#restIfIdle();
  }

  #restIfIdle(): void {
    if (this.#users > 0 || this.#closed) return;
    clearTimeout(this.#timer);
    if (this.#dialling) {
      this.#dialling.abandon.abort(new ConnectivityError("cancelled", "nobody waits for this connection any more"));
      this.#dialling = undefined;
    }
    const lingerMs = this.#typed ? Math.max(typedLingerMs, this.#timing.lingerMs) : this.#timing.lingerMs;
    this.#timer = setTimeout(() => {
      this.#set?.end();
      this.#set = undefined;
      this.#typed = false;
      if (this.#watchers.size === 0) this.#onIdle();
    }, lingerMs);
    this.#timer.unref();
  }

  #reviveLater(): void {
    if (this.#revival || this.#watchers.size === 0 || this.#closed) return;
    this.#revival = setTimeout(() => void this.#revive(), this.#failure.pauseMs * (1 + this.#timing.random() / 4));
    this.#revival.unref();
  }

  /** One attempt for all that wait; the next one follows from its failure. */
  async #revive(): Promise<void> {
    this.#revival = undefined;
    if (this.#watchers.size === 0 || this.#closed || this.#set?.alive) return;
    const lease = await this.acquire(this.#dial, () => Promise.resolve(""), new AbortController().signal).catch(
      () => undefined,
    );
    if (lease || !this.#failure.comesBack) for (const watcher of this.#watchers) watcher();
    lease?.release();
  }
}
