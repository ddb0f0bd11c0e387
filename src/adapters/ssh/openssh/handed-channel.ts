import { Duplex } from "node:stream";
import type { CarriedStream } from "../../net/carried-stream.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { MuxClient } from "./mux-client.ts";

/** The log tells of a channel's end before the control connection does; it is not waited for longer. */
const longestDoubtMs = 2000;

/**
 * A channel between the client's own socket, which OpenSSH reads and writes itself, and the target. What happens to it is
 * known by the log.
 */
export class HandedChannel extends Duplex implements CarriedStream {
  readonly #mux: MuxClient;
  readonly carriedElsewhere = true;
  #targetEnded = false;
  #serverClosed = false;
  #outputShut = false;
  /** OpenSSH gave the client up. */
  #clientGone = false;
  #doubt: NodeJS.Timeout | undefined;

  constructor(mux: MuxClient) {
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#mux = mux;
    // A lost bastion must not take the process down through a stream that its owner has forgotten.
    this.on("error", () => {});
    void mux.closed.then(() => {
      if (!this.destroyed) this.#doubt ??= setTimeout(() => this.destroy(reset()), longestDoubtMs);
    });
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    callback(
      new ConnectivityError("internal_error", "bytes were written to a connection that another process carries"),
    );
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#doubt);
    this.#mux.destroy();
    callback(error);
  }

  /** The target ended its output; what it sent may still be on its way to the client. */
  targetEnded(): void {
    this.#targetEnded = true;
  }

  /** OpenSSH writes no more to the client: all that the target sent is written, or the client does not take it. */
  outputShut(): void {
    this.#outputShut = true;
    if (this.#targetEnded) this.#passEnd();
    else if (!this.#serverClosed) this.#clientGone = true;
  }

  /** The server closed the channel. */
  serverClosed(): void {
    this.#serverClosed = true;
  }

  /** OpenSSH has let the client go: nothing more happens. */
  over(): void {
    if (this.destroyed) return;
    if (this.#clientGone) this.destroy();
    else if (this.#targetEnded && this.#outputShut) {
      if (this.readableEnded) this.destroy();
      else this.once("end", () => this.destroy());
      this.resume();
    } else if (this.#serverClosed) this.destroy(reset());
    // OpenSSH lets all go when it loses its connection, and says so only then.
    else this.#doubt ??= setTimeout(() => this.destroy(reset()), longestDoubtMs);
  }

  /** The connection under it is gone. */
  connectionGone(reason: ConnectivityError): void {
    this.destroy(reason);
  }

  #passEnd(): void {
    if (!this.readableEnded && !this.destroyed) this.push(null);
  }
}

const reset = (): ConnectivityError =>
  new ConnectivityError("connection_lost", "the target reset the connection", { reset_by: "target" });
