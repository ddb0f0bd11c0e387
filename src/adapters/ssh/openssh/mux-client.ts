import { connectPassing, type PassingSocket } from "./handle-passing.ts";
import { aliveCheckMessage, helloMessage, MuxReader, stdioForwardMessage, type MuxAnswer } from "./mux-messages.ts";

/** An OpenSSH that is stopped must not hold those who ask. */
const helloMs = 5000;

/** A connection to OpenSSH's control socket, for one channel: when one of the two ends, OpenSSH ends the other. */
export class MuxClient {
  /** Resolves when it is over. */
  readonly closed: Promise<void>;
  readonly #passing: PassingSocket;
  readonly #reader = new MuxReader();
  readonly #answers: MuxAnswer[] = [];
  #waiting: ((answer: MuxAnswer | undefined) => void) | undefined;

  private constructor(passing: PassingSocket) {
    this.#passing = passing;
    const { socket } = passing;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (bytes: Buffer) => {
      const answers = this.#reader.take(bytes);
      if (!answers) return void socket.destroy();
      this.#answers.push(...answers);
      if (this.#answers.length > 0) this.#tell(this.#answers.shift());
    });
    socket.on("end", () => socket.destroy());
    socket.once("close", () => this.#tell(undefined));
  }

  /** @returns `undefined` when sockets cannot be handed over here, or OpenSSH does not answer */
  static async open(controlPath: string): Promise<MuxClient | undefined> {
    const passing = await connectPassing(controlPath, helloMessage());
    if (!passing) return undefined;
    const client = new MuxClient(passing);
    const timer = setTimeout(() => passing.socket.destroy(), helloMs);
    const hello = await client.#next();
    clearTimeout(timer);
    if (hello?.kind === "hello") return client;
    passing.socket.destroy();
    return undefined;
  }

  get usable(): boolean {
    return !this.#passing.socket.destroyed;
  }

  /**
   * Has OpenSSH join a socket with a target, reading and writing it itself.
   * @returns `undefined` when that could not be asked; else its answer, which is `undefined` when it ended without one
   */
  forward(
    to: { readonly host: string; readonly port: number },
    handle: object,
  ): { readonly answer: Promise<MuxAnswer | undefined> } | undefined {
    this.#passing.socket.write(stdioForwardMessage(to));
    // For its input, and for its output.
    if (!this.#passing.give(handle) || !this.#passing.give(handle)) return undefined;
    return { answer: this.#next() };
  }

  /** Has OpenSSH look at all that it holds. */
  nudge(): void {
    this.#passing.socket.write(aliveCheckMessage());
  }

  /** OpenSSH closes the channel, whatever it was about to do. Idempotent. */
  destroy(): void {
    this.#passing.socket.destroy();
  }

  #next(): Promise<MuxAnswer | undefined> {
    const answer = this.#answers.shift();
    if (answer || !this.usable) return Promise.resolve(answer);
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  #tell(answer: MuxAnswer | undefined): void {
    this.#waiting?.(answer);
    this.#waiting = undefined;
  }
}
