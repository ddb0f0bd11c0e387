const newline = 0x0a;
const carriageReturn = 0x0d;

/** The MCP SDK's own limit of one message. */
const maxLineBytes = 10 * 1024 * 1024;

/** Cuts a byte stream into lines, without their ends. Empty lines are skipped; one over `maxBytes` is dropped and told. */
export class LineSplitter {
  #parts: Buffer[] = [];
  #size = 0;
  #skipping = false;
  readonly #maxBytes: number;
  readonly #onTooLong: () => void;

  constructor(onTooLong: () => void = () => {}, maxBytes: number = maxLineBytes) {
    this.#onTooLong = onTooLong;
    this.#maxBytes = maxBytes;
  }

  /** The lines that this piece completes. */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = this.#take();
      if (line !== undefined) lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The bytes after the last line, for whoever reads on. */
  rest(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return;
    this.#size += part.length;
    if (this.#size > this.#maxBytes) {
      this.#skipping = true;
      this.#parts = [];
      this.#onTooLong();
      return;
    }
    this.#parts.push(part);
  }

  #take(): Buffer | undefined {
    const whole = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    const skipped = this.#skipping;
    this.#parts = [];
    this.#size = 0;
    this.#skipping = false;
    if (skipped || whole === undefined) return undefined;
    const line = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    return line.length === 0 ? undefined : line;
  }
}
