import type { AnyAuthMethod, AuthenticationType } from "ssh2";
import type { Interaction } from "#application/ports/interaction.ts";
import type { SshSettings } from "./settings.ts";
import { referencedAnswer, typedAnswers } from "./typed-answers.ts";

/** One thing to offer to the server. */
export interface Offer {
  readonly method: "publickey" | "password" | "keyboard-interactive";
  /** For `tried`: what it was, never its value. */
  readonly label: string;
  /** The other way to send the same secret: not another try. */
  readonly instead?: AuthenticationType;
  /** @param stuck the login cannot go on: why, or without it for want of a person */
  make(stuck: (error?: unknown) => void): Promise<AnyAuthMethod>;
}

/** A reference, by either way. */
export function passwordOffers(user: string, resolve: () => Promise<string>): Offer[] {
  return [
    {
      method: "password",
      label: "password",
      instead: "keyboard-interactive",
      make: async () => ({ type: "password", username: user, password: await resolve() }),
    },
    {
      method: "keyboard-interactive",
      label: "keyboard-interactive",
      make: async (stuck) => ({
        type: "keyboard-interactive",
        username: user,
        prompt: referencedAnswer(await resolve(), () => stuck()),
      }),
    },
  ];
}

/** As often as OpenSSH asks (NumberOfPasswordPrompts). */
const typedTries = 3;

/** What a person types. */
export function typedOffers({ user, name }: SshSettings, interaction: Interaction): Offer[] {
  const from = `${user}@${name}`;
  const typed: Offer = {
    method: "keyboard-interactive",
    label: "keyboard-interactive at a terminal",
    make: (stuck) =>
      Promise.resolve({
        type: "keyboard-interactive",
        username: user,
        prompt: typedAnswers(from, interaction, stuck),
      }),
  };
  const password: Offer = {
    method: "password",
    label: "password at a terminal",
    make: async () => {
      const prompts = [{ text: "password: ", echo: false }];
      const [answer = ""] = await interaction.answer({ from, name: "", instruction: "", prompts });
      return { type: "password", username: user, password: answer };
    },
  };
  const tries = <T>(one: T): T[] => Array.from({ length: typedTries }, () => one);
  return [...tries(typed), ...tries(password)];
}
