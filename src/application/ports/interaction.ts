/** One question of a server. Its text is from outside. */
export interface LoginPrompt {
  readonly text: string;
  /** Whether what is typed may be seen. */
  readonly echo: boolean;
}

/** What a server asks for at once (RFC 4256 §3.2), bounded. */
export interface LoginPrompts {
  /** Who asks, in our words: `me@bastion`. */
  readonly from: string;
  /** Its headline and explanation; from outside, often empty. */
  readonly name: string;
  readonly instruction: string;
  readonly prompts: readonly LoginPrompt[];
}

/** A person at a terminal who answers what a login asks for. Nothing of it is kept. */
export interface Interaction {
  /**
   * One answer for each prompt.
   * @throws ConnectivityError `cancelled` when the person goes away or gives up
   */
  answer(asked: LoginPrompts): Promise<readonly string[]>;
}
