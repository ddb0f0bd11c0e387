import type { Readable, Writable } from "node:stream";
import { createInterface, type Interface } from "node:readline";
import type { Answer } from "./processes.ts";

/** A client of JSON-RPC lines over two streams of this process: what a `ShimProcess` is over a child's. */
export class LinesClient {
  readonly received: Answer[] = [];
  readonly #input: Writable;
  readonly #lines: Interface;
  readonly #waiting = new Set<() => void>();

  /** @param input where it writes @param output where it reads; a line that is not JSON throws */
  constructor(input: Writable, output: Readable) {
    this.#input = input;
    this.#lines = createInterface({ input: output }).on("line", (line) => {
      this.received.push(JSON.parse(line) as Answer);
      for (const look of this.#waiting) look();
    });
  }

  /** From now on the output may break. */
  expectBroken(): void {
    this.#lines.on("error", () => {});
  }

  send(message: object): void {
    this.#input.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  call(id: number | string, name: string, args: Record<string, unknown> = {}): Promise<Answer> {
    this.send({ id, method: "tools/call", params: { name, arguments: args } });
    return this.answer(id);
  }

  answer(id: number | string): Promise<Answer> {
    return this.find((answer) => answer.id === id && answer.method === undefined);
  }

  /** The first line that fits, at most 15 s from now. */
  find(fits: (line: Answer) => boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.received.find(fits);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        reject(new Error(`not received in time, but ${JSON.stringify(this.received)}`));
      }, 15_000);
      this.#waiting.add(look);
      look();
    });
  }
}
