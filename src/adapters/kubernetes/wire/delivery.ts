import type { Receiver } from "../../net/byte-source.ts";
import { Inbox } from "./inbox.ts";

export interface DeliveryOptions {
  readonly receiver: Receiver;
  /** The reader has taken all that came. */
  readonly onEmpty: () => void;
  /** It has, and no more comes. Once. */
  readonly onEnd: () => void;
}

/** Hands what a stream receives to its reader: at once while it asks for more, else when it asks again. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #inbox = new Inbox();
  #receiver: Receiver;
  #asked = false;
  #ended = false;
  #endPassed = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#receiver = options.receiver;
  }

  /** The reader wants more. */
  get asked(): boolean {
    return this.#asked;
  }
  get endPassed(): boolean {
    return this.#endPassed;
  }
  get empty(): boolean {
    return this.#inbox.empty;
  }
  /** Bytes of memory that wait for the reader. */
  get waiting(): number {
    return this.#inbox.cost;
  }

  /** From now on bytes go there: its own or those that are overwritten after it; `false`: no more until it asks. */
  redirect(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  /** @param bytes valid until it returns */
  receive(bytes: Buffer): void {
    if (this.#asked && this.#inbox.empty) this.#asked = this.#receiver(bytes, "shared");
    else this.#inbox.add(bytes);
  }

  ask(): void {
    this.#asked = true;
    this.#deliver();
  }

  /** No more comes. */
  end(): void {
    this.#ended = true;
    this.#deliver();
  }

  clear(): void {
    this.#inbox.clear();
  }

  #deliver(): void {
    while (this.#asked) {
      const chunk = this.#inbox.take();
      if (chunk === undefined) break;
      this.#asked = this.#receiver(chunk, "owned");
    }
    if (!this.#inbox.empty) return;
    this.#options.onEmpty();
    if (!this.#ended || this.#endPassed) return;
    this.#endPassed = true;
    this.#options.onEnd();
  }
}
