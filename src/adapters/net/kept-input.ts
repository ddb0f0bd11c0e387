import type { Tenure } from "./byte-source.ts";

/** How much of a client's bytes is kept while nothing has become of them yet. */
export const mostKeptBytes = 64 * 1024;

/**
 * What a client has sent, kept until the target is known to be reached: until it says something, or until it is more than
 * can be kept.
 */
export class KeptInput {
  #bytes: Buffer[] | undefined = [];
  #size = 0;

  /** @param bytes are copied unless they are `owned` */
  add(bytes: Buffer, tenure: Tenure): void {
    if (this.#bytes === undefined) return;
    this.#size += bytes.length;
    if (this.#size > mostKeptBytes) this.drop();
    else this.#bytes.push(tenure === "owned" ? bytes : Buffer.from(bytes));
  }

  /** It has been delivered. */
  drop(): void {
    this.#bytes = undefined;
  }

  /** All of it, in order; `undefined` when something is missing. */
  get whole(): readonly Buffer[] | undefined {
    return this.#bytes;
  }
}
