import { ConnectivityError } from "#domain/connectivity-error.ts";
import { hasLocalEnd, isSocketPath } from "#domain/spec/local-end.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { FarPort } from "../ports/forward-driver.ts";
import type { LocalConnection, LocalListener, LocalListeners } from "../ports/local-listener.ts";
import type { StateStore, WantedService } from "../ports/state-store.ts";
import { PortClaims } from "./port-claims.ts";

interface Moved {
  readonly from: number;
  readonly to: number;
  /** Whose port it is: this machine's, or the SSH server's (`direction: remote`). */
  readonly at: "here" | "server";
}

export interface LocalEndsDependencies {
  readonly listeners: LocalListeners;
  readonly store: StateStore;
  /** A remembered port could not be had: another one is used, and remembered, from now on. */
  onMoved(owner: WantedService, moved: Moved): void;
  /** A connection could not be accepted; the listener goes on. */
  onError(owner: WantedService, error: ConnectivityError): void;
}

type OnConnection = (connection: LocalConnection) => void;

/** Opens local ports for services of all workspaces, none for two of them. */
export class LocalEnds {
  readonly #deps: LocalEndsDependencies;
  readonly #claims = new PortClaims();

  constructor(deps: LocalEndsDependencies) {
    this.#deps = deps;
  }

  /** The declared port or Unix socket, or for none the remembered one, or a free one that is remembered from now on. */
  async listen(owner: WantedService, service: ServiceSpec, onConnection: OnConnection): Promise<LocalListener> {
    const { store } = this.#deps;
    if (!hasLocalEnd(service)) return { host: service.listen, port: service.localPort, close: () => Promise.resolve() };
    if (isSocketPath(service.listen)) return this.#claimAndListen(owner, service, service.listen, onConnection);
    if (service.localPort !== 0) return this.#claimAndListen(owner, service, service.localPort, onConnection);
    const remembered = store.rememberedPort(owner);
    if (remembered !== undefined) {
      try {
        return await this.#claimAndListen(owner, service, remembered, onConnection);
      } catch (thrown) {
        if (!(thrown instanceof ConnectivityError) || thrown.code !== "local_port_in_use") throw thrown;
      }
    }
    const listener = await this.#open(owner, service, 0, onConnection);
    try {
      const claim = this.#claims.claim(listener.port, owner);
      store.rememberPort(owner, listener.port);
      if (remembered !== undefined) this.#deps.onMoved(owner, { from: remembered, to: listener.port, at: "here" });
      return claimed(listener, claim);
    } catch (thrown) {
      await listener.close();
      throw thrown;
    }
  }

  /** The memory of a port that is chosen at the other end: a service has either that or a local one. */
  farPort(owner: WantedService): FarPort {
    const { store } = this.#deps;
    const onMoved = (from: number, to: number): void => this.#deps.onMoved(owner, { from, to, at: "server" });
    return {
      get before() {
        return store.rememberedPort(owner);
      },
      chosen(port) {
        const { before } = this;
        if (before === port) return;
        store.rememberPort(owner, port);
        if (before !== undefined) onMoved(before, port);
      },
    };
  }

  async #claimAndListen(
    owner: WantedService,
    service: ServiceSpec,
    end: number | string,
    onConnection: OnConnection,
  ): Promise<LocalListener> {
    const claim = this.#claims.claim(end, owner);
    try {
      return claimed(await this.#open(owner, service, typeof end === "number" ? end : 0, onConnection), claim);
    } catch (thrown) {
      claim[Symbol.dispose]();
      throw thrown;
    }
  }

  #open(owner: WantedService, service: ServiceSpec, port: number, onConnection: OnConnection): Promise<LocalListener> {
    const onError = (error: ConnectivityError): void => this.#deps.onError(owner, error);
    return this.#deps.listeners.listen(service.listen, port, onConnection, onError);
  }
}

const claimed = (listener: LocalListener, claim: Disposable): LocalListener => ({
  host: listener.host,
  port: listener.port,
  close: () => listener.close().finally(() => claim[Symbol.dispose]()),
});

/** A remembered port that could not be had, as an event. */
export const portMoved = ({ from, to, at }: Moved) =>
  ({
    kind: "link",
    text: `${at === "here" ? "local port" : "the server's port"} ${from}, which it had before, is taken: it is ${to} from now on`,
    code: at === "here" ? "local_port_in_use" : "remote_port_in_use",
  }) as const;
