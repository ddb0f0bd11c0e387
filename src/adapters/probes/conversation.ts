import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { closedWithoutByte, failure, tooLate } from "./failures.ts";
import type { Phases } from "./phases.ts";
import { alertError } from "./tls-alerts.ts";

/** More than any answer that a probe waits for; a server that pours out more is not read further. */
const mostHeldBytes = 256 * 1024;

/**
 * Asking and reading over one stream, in bounded memory, until the signal. What is asked of `read` and `line` rejects
 * with a `ConnectivityError`: the stream's own, or what an end, a reset or the signal mean at that point.
 */
export class Conversation {
  readonly #outermost: Duplex;
  #stream: Duplex;
  readonly #signal: AbortSignal;
  readonly #phases: Phases;
  #held: Buffer = Buffer.alloc(0);
  #bytesRead = 0;
  #over: ConnectivityError | "ended" | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex, signal: AbortSignal, phases: Phases) {
    this.#outermost = stream;
    this.#stream = stream;
    this.#signal = signal;
    this.#phases = phases;
    this.#listen();
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  send(bytes: Buffer | string): void {
    if (this.#stream.writable) this.#stream.write(bytes);
  }

  /** Exactly so many bytes. */
  async read(length: number): Promise<Buffer> {
    while (this.#held.length < length) await this.#more();
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  /** Up to `\r\n`, which is not part of it; `undefined` when there is none in so many bytes. */
  async line(longest: number): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.#held.indexOf("\r\n");
      if (end >= 0 && end <= longest) {
        const bytes = this.#held.subarray(0, end);
        this.#held = this.#held.subarray(end + 2);
        return bytes;
      }
      if (this.#held.length > longest) return undefined;
      await this.#more();
    }
  }

  /** What came and was not read yet: evidence of what the target speaks. */
  get held(): Buffer {
    return this.#held;
  }

  /** At least one byte is there; it stays. */
  async first(): Promise<Buffer> {
    while (this.#held.length === 0) await this.#more();
    return this.#held;
  }

  /** Puts another stream, made of this one, in its place (TLS). */
  async replace(make: (stream: Duplex) => Promise<Duplex>): Promise<void> {
    this.#silence();
    this.#stream.pause();
    this.#stream = await make(this.#stream);
    this.#listen();
  }

  /** Listens no more, and ends politely what was put in the first stream's place. */
  leave(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#silence();
    if (this.#stream !== this.#outermost) this.#stream.end();
  }

  async #more(): Promise<void> {
    if (this.#signal.aborted) throw tooLate(this.#bytesRead);
    if (this.#over === "ended") {
      throw this.#bytesRead === 0
        ? closedWithoutByte()
        : failure("application_unhealthy", "the target closed the connection in the middle of its answer", {
            closed: true,
          });
    }
    if (this.#over) throw this.#over;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#stream.resume();
    });
  }

  #listen(): void {
    this.#stream.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onEnd).on("error", this.#onError);
  }

  #silence(): void {
    this.#stream.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onEnd);
    // The error listener stays: an error that nobody listens to would end the process.
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#bytesRead === 0) this.#phases.mark("first_byte");
    this.#bytesRead += chunk.length;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#held.length > mostHeldBytes) this.#stream.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#over ??= "ended";
    this.#wake?.();
  };

  readonly #onError = (error: unknown): void => {
    this.#over ??=
      error instanceof ConnectivityError ? error : (error instanceof Error && alertError(error)) || "ended";
    this.#wake?.();
  };

  readonly #onAbort = (): void => this.#wake?.();
}
