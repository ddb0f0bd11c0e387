import type { Access } from "#application/ports/access.ts";
import type { DialContext, ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec, SshService } from "#domain/spec/service.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { dialSsh, type DialLimits } from "./dial.ts";
import { connectionKey, resolveSettings } from "./settings.ts";
import { SshTransport } from "./transport.ts";
import { filesOf, watchFiles } from "./watch-files.ts";

/** Local forwards by ssh2: one connection per bastion and login, shared by all services behind it. */
export class SshDriver implements ForwardDriver {
  readonly technology = "ssh";
  readonly #pool: ConnectionPool;
  readonly #limits: DialLimits;

  constructor(limits: DialLimits, lingerMs: number) {
    this.#limits = limits;
    this.#pool = new ConnectionPool(lingerMs);
  }

  async open(service: ServiceSpec, { signal, access }: DialContext): Promise<Transport> {
    signal.throwIfAborted();
    if (service.technology !== "ssh") {
      throw new ConnectivityError("not_supported", `the ssh driver cannot reach a ${service.technology} service`);
    }
    const settings = await resolveSettings(service, access);
    const dial = (abandoned: AbortSignal) => dialSsh(settings, access, this.#limits, abandoned);
    const lease = await this.#pool.acquire(connectionKey(settings, access), dial, signal);
    const target = { host: service.connection.remoteHost, port: service.remotePort };
    return new SshTransport(`ssh ${settings.name}`, lease, target);
  }

  /** A key, a known host or an agent socket that appears or changes is worth a new dial. */
  watch(service: ServiceSpec, access: Access, onChange: () => void): Disposable {
    const disposed = new AbortController();
    if (service.technology === "ssh") void watchSettings(service, access, onChange, disposed.signal);
    return { [Symbol.dispose]: () => disposed.abort() };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

async function watchSettings(
  service: SshService,
  access: Access,
  onChange: () => void,
  signal: AbortSignal,
): Promise<void> {
  // What is wrong with the settings is what `open` says; then the configuration has to change anyway.
  const settings = await resolveSettings(service, access).catch(() => undefined);
  if (!settings || signal.aborted) return;
  const watching = watchFiles(filesOf(settings), onChange);
  signal.addEventListener("abort", () => watching[Symbol.dispose](), { once: true });
}
