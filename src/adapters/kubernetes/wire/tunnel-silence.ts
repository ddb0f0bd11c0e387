import type { Clock } from "#application/ports/clock.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { Pace, reached, whileOpen } from "./reached.ts";
import type { ForwardStream } from "./tunnel-stream.ts";

export interface TunnelSilenceOptions {
  readonly clock: Clock;
  readonly ping: (id: number) => void;
  readonly open: (target: ForwardTarget) => ForwardStream;
}

/** Odd, as ours are; those of liveness count from 1. */
const firstId = 0x4000_0001;

/** Whether the silence of a tunnel's streams means that their targets have taken the connection (see `reached`). */
export class TunnelSilence {
  readonly #options: TunnelSilenceOptions;
  readonly #pace = new Pace();
  readonly #echoes = new Map<number, () => void>();
  #nextId = firstId;

  constructor(options: TunnelSilenceOptions) {
    this.#options = options;
  }

  /** A ping of ours was answered. */
  echoed(id: number): void {
    this.#echoes.get(id)?.();
    this.#echoes.delete(id);
  }

  /** See `EagerStream`. */
  reached(stream: ForwardStream, signal: AbortSignal): Promise<void> {
    const { clock, open } = this.#options;
    const opened = async (): Promise<number | undefined> => {
      if (stream.known) return undefined;
      const sinceMs = clock.monotonicMs();
      await new Promise((resolve) => stream.once("known", resolve));
      return clock.monotonicMs() - sinceMs;
    };
    const echo = (): Promise<void> => this.#echo();
    const ends = (): boolean => stream.over;
    const way = { clock, pace: this.#pace, target: stream.target, opened, echo, open, ends };
    return reached(way, whileOpen(stream, signal));
  }

  #echo(): Promise<void> {
    const id = this.#nextId;
    this.#nextId += 2;
    return new Promise((resolve) => {
      this.#echoes.set(id, resolve);
      this.#options.ping(id);
    });
  }
}
