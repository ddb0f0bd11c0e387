import type { Socket } from "node:net";
import type { ReadBuffers } from "./read-buffers.ts";

/** Smaller pieces are a conversation, not bulk: they are written at once. */
const bulkPiece = 4 * 1024;

/**
 * Writes pieces that do not last to a socket, many small ones of a burst as one large one: a system call for each record of
 * TLS is what bulk through a tunnel would spend most of its time on. What is gathered leaves within this turn of the event
 * loop, or when the buffer is full.
 */
export class GatheringWriter {
  readonly #socket: Socket;
  readonly #buffers: ReadBuffers;
  #buffer: Buffer | undefined;
  #filled = 0;
  #scheduled = false;

  constructor(socket: Socket, buffers: ReadBuffers) {
    this.#socket = socket;
    this.#buffers = buffers;
  }

  /** @returns as `write`: `false`, and the socket's `drain` follows */
  write(piece: Buffer): boolean {
    if (this.#buffer === undefined && piece.length < bulkPiece) return this.#socket.write(Buffer.from(piece));
    for (let at = 0; at < piece.length;) {
      const buffer = (this.#buffer ??= this.#buffers.borrow());
      const taken = piece.copy(buffer, this.#filled, at);
      this.#filled += taken;
      at += taken;
      if (this.#filled === buffer.length) this.flush();
    }
    if (this.#buffer !== undefined && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return !this.#socket.writableNeedDrain;
  }

  /** Writes what is gathered; before the socket's `end`. */
  flush(): void {
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    const bytes = buffer.subarray(0, this.#filled);
    this.#buffer = undefined;
    this.#filled = 0;
    if (this.#socket.destroyed) this.#buffers.giveBack(buffer);
    else this.#socket.write(bytes, () => this.#buffers.giveBack(buffer));
  }
}
