import { brokenProtocol } from "./spdy-decoder.ts";
import type { ForwardStream } from "./tunnel-stream.ts";

/** Ids are 31 bits; a tunnel that comes near their end opens no more. */
const lastId = 0x7fff_0000;

/** The streams of one tunnel, each under the two ids of its data and its error stream. */
export class StreamTable {
  readonly #streams = new Map<number, ForwardStream>();
  /** How many have a client that sends no more. */
  #ending = 0;
  #nextId = 1;
  /** The highest id that the server used for a stream of its own. */
  #lastOfServer = 0;

  get size(): number {
    return this.#streams.size / 2;
  }

  /** Those whose client may send more. */
  get open(): number {
    return this.size - this.#ending;
  }

  get usedUp(): boolean {
    return this.#nextId > lastId;
  }

  /** The ids of the next stream, odd as ours are. */
  nextIds(): { readonly errorId: number; readonly dataId: number } {
    const ids = { errorId: this.#nextId, dataId: this.#nextId + 2 };
    this.#nextId += 4;
    return ids;
  }

  add(stream: ForwardStream): void {
    this.#streams.set(stream.errorId, stream);
    this.#streams.set(stream.dataId, stream);
  }

  /** The client of one of them sends no more. */
  ending(): void {
    this.#ending++;
  }

  /** Whether it was there. */
  delete(stream: ForwardStream): boolean {
    this.#streams.delete(stream.errorId);
    const known = this.#streams.delete(stream.dataId);
    if (known && stream.ends) this.#ending--;
    return known;
  }

  /**
   * Late frames of streams that ended are normal; frames of streams that never were are not.
   * @throws ConnectivityError for those
   */
  find(id: number): ForwardStream | undefined {
    const stream = this.#streams.get(id);
    const last = id % 2 === 0 ? this.#lastOfServer : this.#nextId - 1;
    if (stream === undefined && id > last) throw brokenProtocol("a frame names a stream that was never opened");
    return stream;
  }

  /** The server opens one of its own. @throws ConnectivityError when the id is not one of its kind */
  openedByServer(id: number): void {
    if (id === 0 || id % 2 === 1) throw brokenProtocol("the server opened a stream with one of our ids");
    this.#lastOfServer = Math.max(this.#lastOfServer, id);
  }

  all(): ReadonlySet<ForwardStream> {
    return new Set(this.#streams.values());
  }

  clear(): void {
    this.#streams.clear();
    this.#ending = 0;
  }
}
