import type { DialContext, ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { ConnectionPool } from "./connection-pool.ts";
import { dialSsh, type DialLimits } from "./dial.ts";
import { connectionKey, resolveSettings } from "./settings.ts";
import { SshTransport } from "./transport.ts";

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

  close(): Promise<void> {
    return this.#pool.close();
  }
}
