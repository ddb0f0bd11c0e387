import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { ProbePath, ProbeResult } from "#application/ports/probe.ts";

/** What a server may say before a probe gives up on it; a health answer is a line or a page. */
const largestAnswerBytes = 256 * 1024;
export const clippedBytes = 2048;

/** Ends a probe with a code; `untrusted` is what the server said. */
export class ProbeFailure extends ConnectivityError {}

export const probeFailure = (
  code: ErrorCode,
  message: string,
  facts: Facts = {},
  said?: Buffer | string,
): ProbeFailure =>
  new ProbeFailure(code, message, facts, said === undefined ? {} : { untrusted: String(said).slice(0, clippedBytes) });

/** One connection of a probe: reads with a limit, and times its phases. */
export class Exchange implements Disposable {
  readonly #stream: TunnelStream;
  readonly #signal: AbortSignal;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: TunnelStream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on("data", (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      if (this.#buffer.length > largestAnswerBytes) stream.pause();
      this.#wake?.();
    });
    stream.on("end", () => this.#end());
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#end());
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  readonly #onAbort = (): void => this.#wake?.();

  get stream(): TunnelStream {
    return this.#stream;
  }
  get received(): Buffer {
    return this.#buffer;
  }
  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: Buffer | string): void {
    if (!this.#stream.destroyed) this.#stream.write(bytes);
  }

  /** Forgets the first bytes of what was received. */
  take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  /**
   * Waits until `parse` makes something of what was received.
   * @throws ConnectivityError the stream's own; `ProbeFailure` when the server ends, says too much, or nothing in time
   */
  async read<T>(parse: (received: Buffer) => T | undefined): Promise<T> {
    for (;;) {
      const parsed = parse(this.#buffer);
      if (parsed !== undefined) return parsed;
      if (this.#error) throw toConnectivityError(this.#error);
      if (this.#signal.aborted) throw this.#silence();
      if (this.#buffer.length > largestAnswerBytes) {
        throw probeFailure(
          "protocol_mismatch",
          "the server's answer has no end",
          {},
          this.#buffer.subarray(0, clippedBytes),
        );
      }
      if (this.#ended) {
        throw this.#buffer.length === 0
          ? probeFailure("application_unhealthy", "the server closed the connection without a word", { closed: true })
          : probeFailure(
              "protocol_mismatch",
              "the server closed the connection in the middle of its answer",
              {},
              this.#buffer,
            );
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  /** Waits for a first byte, the end, or the time. */
  async settle(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    if (this.#buffer.length === 0 && !this.#ended && !this.#signal.aborted) await promise;
    clearTimeout(timer);
    this.#wake = undefined;
    if (this.#error) throw toConnectivityError(this.#error);
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#stream.destroy();
  }

  #silence(): ProbeFailure {
    return this.#buffer.length === 0
      ? probeFailure("application_unhealthy", "the server accepted the connection and said nothing in time", {
          silent: true,
        })
      : probeFailure("application_slow", "the server did not finish its answer in time", {}, this.#buffer);
  }

  #end(error?: Error): void {
    this.#ended = true;
    this.#error ??= error;
    this.#wake?.();
  }
}

/** Milliseconds of phases, measured one after the other. */
export class Phases {
  readonly ms: Record<string, number> = {};
  #last = performance.now();

  done(phase: string): void {
    const now = performance.now();
    this.ms[phase] = Math.round((now - this.#last) * 10) / 10;
    this.#last = now;
  }
}

/** Dials, lets `talk` do the exchange, and turns whatever happens into a result. Never rejects. */
export async function runExchange(
  path: ProbePath,
  signal: AbortSignal,
  talk: (exchange: Exchange, phases: Phases) => Promise<{ readonly by: string; readonly facts?: Facts }>,
): Promise<ProbeResult> {
  const phases = new Phases();
  let stream: TunnelStream | undefined;
  try {
    stream = await path.connect(signal);
    phases.done("dial");
    using exchange = new Exchange(stream, signal);
    const { by, facts } = await talk(exchange, phases);
    return { ok: true, by, phasesMs: phases.ms, ...(facts && { facts }) };
  } catch (thrown) {
    return failedResult(thrown, signal, phases, stream !== undefined);
  }
}

/** A probe's failure as its result; an abort is the time that is over. */
export function failedResult(thrown: unknown, signal: AbortSignal, phases: Phases, connected: boolean): ProbeResult {
  const timedOut = signal.aborted && !(thrown instanceof ProbeFailure);
  const { code, message, facts, untrusted } = timedOut
    ? new ConnectivityError(
        "operation_timed_out",
        connected ? "the exchange did not end in time" : "no connection to the target in time",
        {},
      )
    : toConnectivityError(thrown);
  return {
    ok: false,
    code,
    message,
    phasesMs: phases.ms,
    ...(Object.keys(facts).length > 0 && { facts }),
    ...(untrusted !== undefined && { untrusted }),
  };
}
