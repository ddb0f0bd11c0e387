import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";

interface Message {
  readonly jsonrpc: "2.0";
}

/** A client's transport over two streams, a JSON message a line; it fits the `Transport` of both SDK lines. */
export class StreamTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  // The two SDK lines name the message type differently.
  // oxlint-disable-next-line typescript/no-explicit-any
  onmessage?: (message: any) => void;
  /** Every line that came in, as it was. */
  readonly received: string[] = [];
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  async start(): Promise<void> {
    const lines = createInterface({ input: this.#input, crlfDelay: Infinity });
    lines.on("line", (line) => {
      this.received.push(line);
      this.onmessage?.(JSON.parse(line));
    });
    lines.on("close", () => this.onclose?.());
    this.#input.on("error", (error) => this.onerror?.(error));
    this.#output.on("error", (error) => this.onerror?.(error));
  }

  async send(message: Message): Promise<void> {
    this.#output.write(`${JSON.stringify(message)}\n`);
  }

  async close(): Promise<void> {
    this.#output.end();
    this.#input.destroy();
  }
}
