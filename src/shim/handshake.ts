import type { OpenCall, RequestId } from "./answers.ts";
import { idKey } from "./message.ts";

/** The handshake of a client of revision 2025-11-25 or older, kept to be said again to the next daemon. */
export class Handshake {
  #initialize: OpenCall | undefined;
  #complete = false;
  #initialized: Buffer | undefined;
  #replayId: string | undefined;
  #replays = 0;

  request(call: OpenCall): void {
    if (call.method !== "initialize") return;
    this.#initialize = call;
    this.#complete = false;
    this.#initialized = undefined;
  }

  answered(id: RequestId, failed: boolean): void {
    if (!failed && this.#initialize !== undefined && idKey(id) === idKey(this.#initialize.id)) this.#complete = true;
  }

  /** @returns whether it must be delivered: not when the next replay says it anyway */
  initialized(line: Buffer, connected: boolean): boolean {
    this.#initialized = line;
    return connected || !this.#complete;
  }

  /** What to say first on a new connection; `undefined` when the client shook no hands (yet). */
  replay(): string | undefined {
    if (!this.#complete || this.#initialize === undefined) return undefined;
    this.#replayId = `portwright-replay-${++this.#replays}`;
    const said = JSON.parse(this.#initialize.line.toString("utf8")) as object;
    return JSON.stringify({ ...said, id: this.#replayId });
  }

  /** Whether this answers the replay; its content is of no interest: the client has its answer. */
  isReplay(id: RequestId): boolean {
    return this.#replayId !== undefined && id === this.#replayId;
  }

  /** What follows the answer. */
  replayed(): readonly Buffer[] {
    this.#replayId = undefined;
    return this.#initialized === undefined ? [] : [this.#initialized];
  }
}
