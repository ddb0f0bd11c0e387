import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectionPool, type Lease } from "./connection-pool.ts";
import { dialSsh, type DialLimits } from "./dial.ts";
import { connectionKey, resolveSettings, type ServerDeclaration, type SshSettings } from "./settings.ts";

/** An SSH server with all that is needed to log in there; nothing is dialled yet. */
export interface Server {
  readonly settings: SshSettings;
  /** For people: every hop and this server. */
  readonly via: string;
  /** What makes two of them share a connection. */
  readonly key: string;
  /** A share of the pooled connection. @throws ConnectivityError; the signal's reason */
  acquire(signal: AbortSignal): Promise<Lease>;
}

/** Finds SSH servers, and holds the connections to them that services and hops share. */
export class Servers {
  readonly limits: DialLimits;
  readonly #pool: ConnectionPool;

  constructor(limits: DialLimits, lingerMs: number) {
    this.limits = limits;
    this.#pool = new ConnectionPool(lingerMs);
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
      acquire: (signal) => this.#pool.acquire(key, dial, signal),
    };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
