/** From this much in one read on, a direction is in bulk; less is somebody's conversation. */
export const bulkBytes = 16 * 1024;

/** Beside a conversation, bulk pauses after so much: about a third of its rate at full speed. */
const bytesBetweenPauses = 1024 * 1024;
const pauseMs = 1;
/** Somebody whose last small piece came this long ago is not waiting for an answer from a near server any more. */
const talksForMs = 50;

/** The last small pieces of two different sources: whoever moves bulk is not a conversation beside itself. */
const latest = { by: undefined as object | undefined, atMs: 0, byOtherAtMs: 0 };

function talksBeside(source: object): boolean {
  const atMs = latest.by === source ? latest.byOtherAtMs : latest.atMs;
  return performance.now() - atMs < talksForMs;
}

/**
 * When a socket that always has more is read again, so that others get their turns: of the event loop, and of the
 * processor. Everybody who carries bulk on (the server, its target, the client) needs it too; with all of it in use, a byte
 * of a conversation waits for a time slice at each of them (p99 in bench/ssh).
 */
export class ReadTurns {
  readonly #mostReads: number;
  readonly #resume: () => void;
  readonly #pauses: boolean;
  /** Reads in a row that filled the buffer. */
  #full = 0;
  #bytes = 0;
  #bulk = false;

  /**
   * @param mostReads one after the other in one turn of the event loop
   * @param resume reads again; called later, also when nobody wants it any more
   * @param pauses whether its bulk pauses beside a conversation; not where conversations come by the same socket
   */
  constructor(mostReads: number, resume: () => void, pauses: boolean) {
    this.#mostReads = mostReads;
    this.#resume = resume;
    this.#pauses = pauses;
  }

  /** A small piece of somebody who waits for an answer came. The first one after bulk is its end. */
  talked(): void {
    if (!this.#bulk) {
      if (latest.by !== this) {
        latest.byOtherAtMs = latest.atMs;
        latest.by = this;
      }
      latest.atMs = performance.now();
    }
    this.#bulk = false;
  }

  /** A read is over. @returns whether to read on at once; if not, `resume` follows */
  goesOn(bytes: number, room: number): boolean {
    if (bytes >= bulkBytes) this.#bulk = true;
    this.#full = bytes < room ? 0 : this.#full + 1;
    if (this.#full < this.#mostReads) return true;
    this.#full = 0;
    this.#bytes += room * this.#mostReads;
    if (this.#pauses && this.#bytes >= bytesBetweenPauses && talksBeside(this)) {
      this.#bytes = 0;
      setTimeout(this.#resume, pauseMs);
    } else setImmediate(this.#resume);
    return false;
  }
}
