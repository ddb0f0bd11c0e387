import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServerConnection } from "./server-connection.ts";

/** A share of a pooled connection; the last one that is released lets it go after the linger time. Idempotent. */
export interface Lease {
  readonly connection: ServerConnection;
  release(): void;
}

interface Entry {
  readonly dial: Promise<ServerConnection>;
  readonly abandon: AbortController;
  /** Leases, and those who wait for the dial. */
  users: number;
  connection: ServerConnection | undefined;
  linger: NodeJS.Timeout | undefined;
}

/** One connection for all that want the same; dialled once however many ask at the same time. */
export class ConnectionPool {
  readonly #entries = new Map<string, Entry>();
  readonly #lingerMs: number;
  #closed = false;

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /**
   * @param dial run when there is none; its signal fires only when nobody waits for it any more
   * @throws what the dial throws; the signal's reason
   */
  async acquire(
    key: string,
    dial: (signal: AbortSignal) => Promise<ServerConnection>,
    signal: AbortSignal,
  ): Promise<Lease> {
    signal.throwIfAborted();
    if (this.#closed) throw new ConnectivityError("connection_lost", "the SSH driver was closed");
    const entry = this.#living(key) ?? this.#start(key, dial);
    entry.users++;
    clearTimeout(entry.linger);
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const connection = await Promise.race([entry.dial, aborted.promise]);
      return { connection, release: this.#releaseOnce(key, entry) };
    } catch (error) {
      this.#releaseOnce(key, entry)();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Cuts everything. */
  async close(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(
      entries.map(async (entry) => {
        clearTimeout(entry.linger);
        entry.abandon.abort(new ConnectivityError("cancelled", "the SSH driver was closed"));
        entry.connection?.destroy();
        await entry.connection?.closed;
      }),
    );
  }

  #living(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.connection?.alive === false) return undefined;
    return entry;
  }

  #start(key: string, dial: (signal: AbortSignal) => Promise<ServerConnection>): Entry {
    const abandon = new AbortController();
    const entry: Entry = {
      dial: dial(abandon.signal),
      abandon,
      users: 0,
      connection: undefined,
      linger: undefined,
    };
    this.#entries.set(key, entry);
    entry.dial.then(
      (connection) => {
        entry.connection = connection;
        // Nobody wanted it by the time it was there.
        if (abandon.signal.aborted) connection.destroy();
        void connection.closed.then(() => this.#forget(key, entry));
      },
      () => this.#forget(key, entry),
    );
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #releaseOnce(key: string, entry: Entry): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--entry.users > 0) return;
      const { connection } = entry;
      if (!connection) {
        this.#forget(key, entry);
        entry.abandon.abort(new ConnectivityError("cancelled", "nobody waits for this connection any more"));
        return;
      }
      entry.linger = setTimeout(() => {
        this.#forget(key, entry);
        connection.end();
      }, this.#lingerMs);
      entry.linger.unref();
    };
  }
}
