/** An answer that is still to come is waited for this long. */
export const answerWaitMs = 10_000;
/** An answer that has begun may pause this long. */
const pauseMs = 1000;

export interface LateEndOptions {
  readonly after: (ms: number, run: () => void) => Disposable;
  /** Whether silence is ours: the reader has not taken what came. */
  readonly behind: () => boolean;
  readonly send: () => void;
}

/**
 * Sends our end of input late, where the other side takes it as leave to cut the whole connection: only once the target
 * has been silent long enough that no answer is to be expected.
 */
export class LateEnd implements Disposable {
  readonly #options: LateEndOptions;
  /** What was sent last has been answered, at least in part. */
  #answered = true;
  /** Something came since the silence began to be measured. */
  #heard = false;
  #timer: Disposable | undefined;

  constructor(options: LateEndOptions) {
    this.#options = options;
  }

  wrote(): void {
    this.#answered = false;
  }

  heard(): void {
    this.#answered = true;
    this.#heard = true;
  }

  /** Our input is at its end. */
  begin(): void {
    this.#wait(this.#answered ? pauseMs : answerWaitMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #wait(ms: number): void {
    const { after, behind, send } = this.#options;
    this.#heard = false;
    this.#timer = after(ms, () => {
      if (this.#heard || behind()) this.#wait(pauseMs);
      else send();
    });
  }
}
