import type { LocalConnection, LocalListener } from "../ports/local-listener.ts";

/** The local end of a service, open or closed as it was last asked, in whatever order and however fast that comes. */
export class LocalPort {
  /** Takes what comes; another one may while it is open. */
  receive: (connection: LocalConnection) => void;
  readonly #listen: (onConnection: (connection: LocalConnection) => void) => Promise<LocalListener>;
  #wanted = false;
  #listener: LocalListener | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #lastPort: number | undefined;
  #lastHost: string | undefined;

  constructor(
    listen: (onConnection: (connection: LocalConnection) => void) => Promise<LocalListener>,
    receive: (connection: LocalConnection) => void,
  ) {
    this.#listen = listen;
    this.receive = receive;
  }

  get isOpen(): boolean {
    return this.#listener !== undefined;
  }
  /** The port while it is open, else the last one; `undefined` when it was never open. */
  get port(): number | undefined {
    return this.#listener?.port ?? this.#lastPort;
  }

  /** The address or the socket's path while it is open, else the last one. */
  get host(): string | undefined {
    return this.#listener?.host ?? this.#lastHost;
  }

  /** Resolves when it is open, or was closed meanwhile. @throws what the listener refuses with */
  async open(): Promise<void> {
    this.#wanted = true;
    while (this.#wanted && !this.#listener) {
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined;
      });
      await this.#opening;
    }
  }

  /** Takes no more connections from now on; resolves when the port is released. */
  async close(): Promise<void> {
    this.#wanted = false;
    const listener = this.#listener;
    this.#listener = undefined;
    if (listener) {
      this.#closing = listener.close().finally(() => {
        this.#closing = undefined;
      });
    }
    await this.#closing;
    await this.#opening?.catch(() => undefined);
  }

  async #open(): Promise<void> {
    await this.#closing;
    if (!this.#wanted) return;
    const listener = await this.#listen((connection) => this.receive(connection));
    this.#lastPort = listener.port;
    this.#lastHost = listener.host;
    if (this.#wanted) this.#listener = listener;
    else await listener.close();
  }
}
