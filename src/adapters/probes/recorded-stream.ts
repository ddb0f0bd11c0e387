import { Duplex } from "node:stream";

/** So much of the beginning is kept: enough to see what the other side speaks. */
const keptBytes = 64;

/**
 * A stream in front of another one that keeps the first bytes which came: for libraries that take a stream over and do
 * not say what they did not understand.
 */
export class RecordedStream extends Duplex {
  readonly #inner: Duplex;
  #beginning = Buffer.alloc(0);
  #bytesRead = 0;

  constructor(inner: Duplex) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    inner.on("data", (chunk: Buffer) => {
      this.#bytesRead += chunk.length;
      if (this.#beginning.length < keptBytes)
        this.#beginning = Buffer.concat([this.#beginning, chunk.subarray(0, keptBytes - this.#beginning.length)]);
      if (!this.push(chunk)) inner.pause();
    });
    inner.on("end", () => this.push(null));
    inner.on("error", (error) => this.destroy(error));
    inner.on("close", () => this.destroy());
    inner.pause();
  }

  get beginning(): Buffer {
    return this.#beginning;
  }
  get bytesRead(): number {
    return this.#bytesRead;
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#inner.write(chunk, encoding, callback);
  }

  override _final(callback: () => void): void {
    this.#inner.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#inner.destroy();
    callback(error);
  }
}
