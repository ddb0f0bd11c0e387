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
  #greeted = false;
  #reading = false;

  private constructor(passing: PassingSocket) {
    this.#passing = passing;
    const { socket } = passing;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("end", () => socket.destroy());
    socket.once("close", () => this.#tell(undefined));
  }

  /** One to be used later. @returns `undefined` when sockets cannot be handed over here, or nobody listens */
  static async connect(controlPath: string): Promise<MuxClient | undefined> {
    const passing = await connectPassing(controlPath);
    return passing && new MuxClient(passing);
  }

  /** One that OpenSSH has answered. @returns `undefined` when sockets cannot be handed over here, or it does not answer */
  static async greet(controlPath: string): Promise<MuxClient | undefined> {
    const client = await MuxClient.connect(controlPath);
    if (!client || !client.#send(Buffer.alloc(0))) return undefined;
    const timer = setTimeout(() => client.destroy(), helloMs);
    const hello = await client.#next();
    clearTimeout(timer);
    if (hello?.kind === "hello") return client;
    client.destroy();
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
    // For its input, and for its output.
    if (!this.#send(stdioForwardMessage(to), handle, handle)) return undefined;
    return { answer: this.#next().then((first) => (first?.kind === "hello" ? this.#next() : first)) };
  }

  /** Has OpenSSH look at all that it holds. */
  nudge(): void {
    this.#send(aliveCheckMessage());
  }

  /** OpenSSH closes the channel, whatever it was about to do. Idempotent. */
  destroy(): void {
    this.#passing.socket.destroy();
  }

  /** Says hello first, where that was not said yet; OpenSSH's own answer to it is read with the first one that is wanted. */
  #send(bytes: Buffer, ...handles: readonly object[]): boolean {
    const all = this.#greeted ? bytes : Buffer.concat([helloMessage(), bytes]);
    this.#greeted = true;
    return this.#passing.send(all, ...handles);
  }

  #next(): Promise<MuxAnswer | undefined> {
    const answer = this.#answers.shift();
    if (answer || !this.usable) return Promise.resolve(answer);
    this.#read();
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#passing.read((bytes) => {
      const answers = this.#reader.take(bytes);
      if (!answers) return this.destroy();
      this.#answers.push(...answers);
      if (this.#waiting && this.#answers.length > 0) this.#tell(this.#answers.shift());
    });
  }

  #tell(answer: MuxAnswer | undefined): void {
    this.#waiting?.(answer);
    this.#waiting = undefined;
  }
}
