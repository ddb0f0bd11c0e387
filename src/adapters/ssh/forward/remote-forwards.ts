import type { Access } from "#application/ports/access.ts";
import type { FarPort } from "#application/ports/forward-driver.ts";
import { isSocketPath } from "#domain/spec/local-end.ts";
import type { SshService } from "#domain/spec/service.ts";
import type { Lease } from "../pooled-server.ts";
import type { Server } from "../servers.ts";
import type { LocalTarget } from "./remote-end.ts";
import { openRemoteForward } from "./remote-forward.ts";
import type { Forward } from "./transport.ts";

/** A session that a server may still hold this long after it was lost (OpenSSH's TCPKeepAlive, two hours). */
const lostStandsMs = 2 * 3600 * 1000;

interface Shared {
  readonly opening: Promise<Forward & { readonly port: number }>;
  users: number;
}

interface Memory {
  /** The port that the server chose. */
  port?: number | undefined;
  lostMs?: number;
}

/**
 * Remote forwards by their end at the server: a second one of the same service (a diagnosis beside the running link)
 * shares the first, since a server listens only once. Remembers which ports a server chose, and when they were lost.
 */
export class RemoteForwards {
  readonly #shared = new Map<string, Shared>();
  readonly #memory = new Map<string, Memory>();

  /** Takes the lease over, also when it fails. @throws as `openRemoteForward` */
  async open(
    service: SshService,
    server: Server,
    access: Access,
    lease: Lease,
    signal: AbortSignal,
    farPort?: FarPort,
  ): Promise<Forward> {
    const { connection, remotePort, listen, localPort } = service;
    const target: LocalTarget = isSocketPath(listen)
      ? { path: listen.replace(/^~(?=\/)/, access.homeDir) }
      : { host: listen, port: localPort };
    const end = { bind: connection.remoteHost, port: remotePort, socket: connection.remoteSocket };
    const key = JSON.stringify([server.key, end, target]);
    const memory = this.#memory.get(key) ?? { port: farPort?.before };
    this.#memory.set(key, memory);
    const open = async (): Promise<Forward & { readonly port: number }> => {
      const lostMs =
        memory.lostMs !== undefined && performance.now() - memory.lostMs < lostStandsMs ? memory.lostMs : undefined;
      const parts = { via: server.via, host: server.settings.name, end, target, before: memory.port, lostMs };
      try {
        const forward = await openRemoteForward(parts, lease, signal);
        memory.port = forward.port;
        delete memory.lostMs;
        void lease.closed.then((cause) => {
          if (cause) memory.lostMs = performance.now();
          if (this.#shared.get(key) === shared) this.#shared.delete(key);
        });
        return forward;
      } catch (error) {
        lease.release();
        if (this.#shared.get(key) === shared) this.#shared.delete(key);
        throw error;
      }
    };
    const chosen = end.port === 0 && end.socket === undefined ? farPort : undefined;
    const running = this.#shared.get(key);
    if (running) {
      lease.release();
      return this.#share(key, running, chosen);
    }
    const shared: Shared = { opening: Promise.resolve().then(open), users: 0 };
    this.#shared.set(key, shared);
    return this.#share(key, shared, chosen);
  }

  async #share(key: string, shared: Shared, chosen: FarPort | undefined): Promise<Forward> {
    shared.users++;
    try {
      const forward = await shared.opening;
      chosen?.chosen(forward.port);
      return {
        ...forward,
        release: () => {
          if (--shared.users > 0) return;
          if (this.#shared.get(key) === shared) this.#shared.delete(key);
          forward.release();
        },
      };
    } catch (error) {
      shared.users--;
      throw error;
    }
  }
}
