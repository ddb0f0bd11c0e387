/** From this much on a buffer is kept for the next frame; smaller ones come cheaply from Node's pool. */
const keptFrom = 16 * 1024;
/** A whole read of a client with all headers before it (`net/read-buffers`). */
const keptBytes = 65_536 + 64;
/** Kept at most: what a tunnel or two in bulk have on their way. */
const mostKept = 16;

/** Memory for outgoing frames, used again and again, so that a bulk transfer leaves nothing to collect. */
export class FrameBuffers {
  readonly #free: ArrayBufferLike[] = [];

  /** A buffer of exactly this length; its content is arbitrary. */
  take(length: number): Buffer {
    if (length < keptFrom || length > keptBytes) return Buffer.allocUnsafe(length);
    return Buffer.from(this.#free.pop() ?? Buffer.allocUnsafeSlow(keptBytes).buffer, 0, length);
  }

  /** Only when nothing refers to it any more. */
  giveBack({ buffer }: Buffer): void {
    if (buffer.byteLength === keptBytes && this.#free.length < mostKept) this.#free.push(buffer);
  }
}
