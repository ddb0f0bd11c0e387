import type { KeyboardInteractiveCallback, Prompt } from "ssh2";
import type { Interaction, LoginPrompts } from "#application/ports/interaction.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";

/** More would fill a screen; PAM asks for one or two at a time. */
const mostPrompts = 16;
/** A server that asks on and on is not let go on by somebody who types on and on. */
const mostRounds = 16;
const longestText = 1024;

/** What answers a keyboard-interactive request (RFC 4256 §3.2). */
export type Answerer = (
  name: string,
  instruction: string,
  language: string,
  prompts: Prompt[],
  finish: KeyboardInteractiveCallback,
) => void;

/**
 * Answers by a person at a terminal: any number of rounds and prompts, within bounds.
 * @param onGivenUp the login cannot go on: the person went away, or too much was asked for
 */
export function typedAnswers(from: string, interaction: Interaction, onGivenUp: (error: unknown) => void): Answerer {
  let rounds = 0;
  return (name, instruction, _language, prompts, finish) => {
    if (prompts.length === 0 && name === "" && instruction === "") return finish([]);
    if (++rounds > mostRounds || prompts.length > mostPrompts) {
      const facts = { prompts: prompts.length, rounds };
      return onGivenUp(
        new ConnectivityError("protocol_mismatch", "the server asks for more than a person types", facts),
      );
    }
    interaction.answer(askedOf(from, name, instruction, prompts)).then(
      (answers) => finish(prompts.map((_, index) => answers[index] ?? "")),
      (error: unknown) => onGivenUp(toConnectivityError(error)),
    );
  };
}

/**
 * Answers with a reference: a single hidden prompt, and once. What else is asked for is something else (a code, a new
 * password), and an empty answer would count as a failed login.
 */
export function referencedAnswer(secret: string, onStuck: () => void): Answerer {
  let left: string | undefined = secret;
  return (_name, _instruction, _language, prompts, finish) => {
    if (prompts.length === 0) return finish([]);
    if (prompts.length > 1 || prompts[0]?.echo === true || left === undefined) return onStuck();
    const answer = left;
    left = undefined;
    finish([answer]);
  };
}

function askedOf(from: string, name: string, instruction: string, prompts: readonly Prompt[]): LoginPrompts {
  return {
    from,
    name: name.slice(0, longestText),
    instruction: instruction.slice(0, longestText),
    prompts: prompts.map(({ prompt, echo }) => ({ text: prompt.slice(0, longestText), echo: echo === true })),
  };
}
