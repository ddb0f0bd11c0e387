import net from "node:net";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** An end of input that the log has not explained by now is taken for what it looks like. */
const longestDoubtMs = 2000;

/**
 * A forwarded connection as a `TunnelStream`: a connection to a Unix socket of OpenSSH. The end of that socket may mean
 * that the target ended, that the channel was closed, or that OpenSSH is gone; the log tells which, a moment later.
 */
export class ChannelSocket extends net.Socket {
  #targetEnded = false;
  #serverClosed = false;
  #lost: ConnectivityError | undefined;
  /** The socket has ended; what that means is not passed on yet. */
  #held = false;
  #doubt: NodeJS.Timeout | undefined;

  constructor(socketPath: string) {
    super({ allowHalfOpen: true });
    // A lost bastion must not take the process down through a stream that its owner has forgotten.
    this.on("error", () => {});
    this.on("close", () => clearTimeout(this.#doubt));
    this.connect(socketPath);
  }

  /** The target ended its output, in so many words. */
  targetEnded(): void {
    this.#targetEnded = true;
    this.#explainEnd();
  }

  /** The server closed the channel; without an end before it, it is a reset. */
  serverClosed(): void {
    this.#serverClosed = true;
    this.#explainEnd();
  }

  /** The connection under it is gone. */
  connectionGone(reason: ConnectivityError): void {
    this.#lost ??= reason;
    this.destroy(this.#lost);
  }

  override push(chunk: unknown, encoding?: BufferEncoding): boolean {
    if (chunk !== null || this.#targetEnded || this.destroyed) return super.push(chunk, encoding);
    this.#held = true;
    this.#doubt = setTimeout(() => this.#passEnd(), longestDoubtMs);
    this.#explainEnd();
    return false;
  }

  /** Overridden to see the moment when the last buffered byte before a reset has been taken. */
  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (this.#held && this.readableLength === 0) setImmediate(() => this.#explainEnd());
    return chunk;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const known = error === null || error instanceof ConnectivityError || error.name === "AbortError";
    super._destroy(known ? error : (this.#lost ?? reset("the target closed while it was written to", error)), callback);
  }

  #explainEnd(): void {
    if (!this.#held || this.destroyed) return;
    if (this.#targetEnded) this.#passEnd();
    else if (this.#serverClosed) {
      clearTimeout(this.#doubt);
      if (this.readableLength === 0) this.destroy(reset("the target reset the connection"));
    }
  }

  #passEnd(): void {
    clearTimeout(this.#doubt);
    this.#held = false;
    if (this.destroyed) return;
    super.push(null);
    this.read(0);
  }
}

const reset = (message: string, cause?: unknown): ConnectivityError =>
  new ConnectivityError("connection_lost", message, { reset_by: "target" }, { cause });
