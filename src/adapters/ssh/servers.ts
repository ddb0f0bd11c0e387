import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { dialSsh, type DialLimits } from "./dial.ts";
import { loginSignature } from "./login-signature.ts";
import { PooledServer, type Dial, type Lease, type PoolTiming } from "./pooled-server.ts";
import { connectionKey, resolveSettings, type ServerDeclaration, type SshSettings } from "./settings.ts";

/** An SSH server with all that is needed to log in there; nothing is dialled yet. */
export interface Server {
  readonly settings: SshSettings;
  /** For people: every hop and this server. */
  readonly via: string;
  /** What makes two of them share a connection. */
  readonly key: string;
  /** A share of the pooled connections. @throws ConnectivityError; the signal's reason */
  acquire(signal: AbortSignal): Promise<Lease>;
  /** Calls back when the server, which could not be reached, can be again. */
  watch(onChange: () => void): Disposable;
}

/** Finds SSH servers, and holds the connections to them that services and hops share. */
export class Servers {
  readonly limits: DialLimits;
  readonly #timing: PoolTiming;
  readonly #pool = new Map<string, PooledServer>();
  #closed = false;

  constructor(limits: DialLimits, timing: PoolTiming) {
    this.limits = limits;
    this.#timing = timing;
  }

  /** @throws ConnectivityError `config_invalid`, `not_supported` */
  async find(declaration: ServerDeclaration, access: Access, route: Route | undefined): Promise<Server> {
    const settings = await resolveSettings(declaration, access);
    const key = connectionKey(settings, access, route);
    const dial = (signal: AbortSignal) => dialSsh({ settings, access, limits: this.limits, route, signal });
    const name = `ssh ${settings.name}`;
    return {
      settings,
      via: route ? `${route.via} → ${name}` : name,
      key,
      acquire: async (signal) => {
        signal.throwIfAborted();
        return this.#pooled(key, dial).acquire(dial, () => loginSignature(settings, access), signal);
      },
      watch: (onChange) => this.#pooled(key, dial).watch(onChange),
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#pool.values()];
    this.#pool.clear();
    await Promise.all(all.map((server) => server.close()));
  }

  #pooled(key: string, dial: Dial): PooledServer {
    if (this.#closed) throw new ConnectivityError("connection_lost", "the SSH driver was closed");
    let server = this.#pool.get(key);
    if (!server) this.#pool.set(key, (server = new PooledServer(dial, this.#timing, () => this.#pool.delete(key))));
    return server;
  }
}
