import type { ForwardStream } from "./tunnel-stream.ts";

/** What a stream asks of the tunnel that carries it. */
export interface StreamHost {
  /** The tunnel is not read now: what comes next for a stream stands still with it. */
  readonly stalled: boolean;
  /** Sends bytes, copied before it returns; unless it answers true, `later` is called when the next may come. */
  sendData(streamId: number, bytes: Buffer, later: () => void): boolean;
  sendFin(streamId: number): void;
  /** Its client sends no more: what is left of it is little. */
  ending(): void;
  sendReset(streamId: number): void;
  /** The reader has taken all that was kept for it. */
  drained(stream: ForwardStream): void;
  after(ms: number, run: () => void): Disposable;
  /** See `EagerStream`. */
  reached(stream: ForwardStream, signal: AbortSignal): Promise<void>;
  /** The stream is over; its ids mean nothing any more. */
  release(stream: ForwardStream): void;
}

/** What the tunnel gives a stream when it opens it. */
export interface StreamOptions {
  readonly errorId: number;
  readonly dataId: number;
  /** Whether bytes are sent only after the server has answered the opening. */
  readonly waits: boolean;
}
