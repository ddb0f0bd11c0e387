import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { forwardError, resetByTarget, type ForwardTarget } from "./forward-error.ts";

/** containerd ends the data stream up to 10 ms before it says on the error stream that the target refused. */
const errorTextMs = 100;
/** An error text beyond this tells nothing more. */
const maxErrorText = 4096;

export interface FarEndOptions {
  readonly target: ForwardTarget;
  readonly after: (ms: number, run: () => void) => Disposable;
  /** Silence of the error stream says nothing now. */
  readonly deaf: () => boolean;
  /** The verdict can be asked for: nothing that would change it is waited for any more. */
  readonly onKnown: () => void;
}

/**
 * How a stream ended on the far side. The data stream's last frame tells that it did; what that means is known once the
 * error stream has ended, or stays silent.
 */
export class FarEnd implements Disposable {
  readonly #options: FarEndOptions;
  #last: "fin" | "reset" | undefined;
  #text = "";
  #textEnded = false;
  #waiting: Disposable | undefined;

  constructor(options: FarEndOptions) {
    this.#options = options;
  }

  /** The data stream's last frame came, while the error stream may still explain it. */
  get dataEnded(): boolean {
    return this.#last !== undefined;
  }
  /** The error stream said something. */
  get explained(): boolean {
    return this.#text !== "";
  }
  get textEnded(): boolean {
    return this.#textEnded;
  }

  /** What the end means, as far as it came: the target's end of output, or why there is none. */
  get verdict(): "end" | ConnectivityError | undefined {
    if (this.#text !== "") return forwardError(this.#text, this.#options.target);
    if (this.#last === "reset") return resetByTarget(this.#options.target);
    return this.#last === "fin" ? "end" : undefined;
  }

  /** The data stream's last frame. */
  hear(last: "fin" | "reset"): void {
    this.#last = last;
    if (this.#textEnded) this.#options.onKnown();
    else if (this.#waiting === undefined) this.#awaitText();
  }

  /** A part of what the error stream says. */
  say(bytes: Buffer): void {
    this.#text += bytes.toString("utf8").slice(0, maxErrorText - this.#text.length);
  }

  /** The error stream has ended. */
  endText(): void {
    this.#textEnded = true;
    this.#options.onKnown();
  }

  /** Waits for nothing any more. */
  [Symbol.dispose](): void {
    this.#waiting?.[Symbol.dispose]();
  }

  #awaitText(wasDeaf = false): void {
    const { after, deaf, onKnown } = this.#options;
    this.#waiting = after(errorTextMs, () => {
      const isDeaf = deaf();
      if (isDeaf || wasDeaf) this.#awaitText(isDeaf);
      else onKnown();
    });
  }
}
