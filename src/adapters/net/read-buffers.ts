/** One read takes at most this much: larger gains little, smaller costs system calls (bench/relay). */
const readBufferBytes = 64 * 1024;

/** Buffers kept for the next bulk transfer; more than this many directions in bulk at once allocate. */
const mostKept = 32;

/** Several handles may share a buffer only where the read happens inside the callback, which Windows does not do. */
const canShare = process.platform !== "win32";

/**
 * The buffers that sockets are read into. An idle connection owns none: all of them read into one shared buffer, whose
 * bytes must be copied before the callback returns. A direction in bulk borrows one of its own, and gives it back when
 * it calms down, so that memory does not grow with what was carried.
 */
export class ReadBuffers {
  #shared: Buffer | undefined;
  readonly #free: Buffer[] = [];

  shared(): Buffer {
    if (!canShare) return Buffer.allocUnsafeSlow(readBufferBytes);
    return (this.#shared ??= Buffer.allocUnsafeSlow(readBufferBytes));
  }

  borrow(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(readBufferBytes);
  }

  /** Only when nothing refers to it any more. */
  giveBack(buffer: Buffer): void {
    if (this.#free.length < mostKept) this.#free.push(buffer);
  }
}
