/** What a queued chunk costs beside its bytes: its object, its memory's own head and a place in the queue. */
const chunkCost = 256;

/** Bytes that a reader has not taken, copied from where they were read. */
export class Inbox {
  #chunks: Buffer[] = [];
  #first = 0;
  #cost = 0;

  /** Bytes of memory that it holds, at least. */
  get cost(): number {
    return this.#cost;
  }

  get empty(): boolean {
    return this.#first === this.#chunks.length;
  }

  add(bytes: Buffer): void {
    // Not from the pool, whose slabs are held by each of their parts.
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    this.#chunks.push(copy);
    this.#cost += bytes.length + chunkCost;
  }

  /** The oldest chunk. */
  take(): Buffer | undefined {
    const chunk = this.#chunks[this.#first];
    if (chunk === undefined) return undefined;
    this.#cost -= chunk.length + chunkCost;
    this.#first++;
    // What was taken is let go at once only in parts, so that taking stays cheap.
    if (this.#first === this.#chunks.length || this.#first >= 64) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
    return chunk;
  }

  clear(): void {
    this.#chunks = [];
    this.#first = 0;
    this.#cost = 0;
  }
}
