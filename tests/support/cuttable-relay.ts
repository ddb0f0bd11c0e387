import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";

interface Pair {
  readonly near: net.Socket;
  readonly far: net.Socket;
}

/** A TCP relay in front of a server that a test may not stop: it can go away, come back, and lose connections without a word. */
export class CuttableRelay implements AsyncDisposable {
  readonly #to: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #server: net.Server;
  port = 0;
  /** Connections that were taken. */
  accepted = 0;

  private constructor(to: { readonly host: string; readonly port: number }) {
    this.#to = to;
    this.#server = this.#makeServer();
  }

  static async start(to: { readonly host: string; readonly port: number }): Promise<CuttableRelay> {
    const relay = new CuttableRelay(to);
    await relay.open();
    return relay;
  }

  /** Listens (again), on the same port. */
  async open(): Promise<void> {
    this.#server = this.#makeServer();
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** As a server that is killed: nothing listens, and every connection is reset. */
  async cut(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    await closed;
  }

  /** The connections that are open now carry nothing any more and are never closed; new ones work. */
  freeze(): void {
    for (const { near, far } of this.#pairs) {
      near
        .removeAllListeners("data")
        .removeAllListeners("end")
        .on("data", () => {});
      near.removeAllListeners("close").on("close", () => far.destroy());
      far
        .removeAllListeners("close")
        .removeAllListeners("end")
        .removeAllListeners("data")
        .on("data", () => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.cut();
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  #makeServer(): net.Server {
    return net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      this.accepted++;
      const far = net.connect({ ...this.#to, allowHalfOpen: true, noDelay: true });
      const pair = { near, far };
      this.#pairs.add(pair);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on("error", () => {});
        from.on("data", (bytes: Buffer) => {
          if (to.write(bytes)) return;
          from.pause();
          to.once("drain", () => from.resume());
        });
        from.on("end", () => to.end());
        from.on("close", () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }
}
