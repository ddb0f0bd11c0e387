import type { Socket } from "node:net";
import type { LoginPrompts } from "#application/ports/interaction.ts";
import type { PersonTalk } from "#application/usecases/person.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { readOpeningLine } from "./read-opening-line.ts";
import { maxAnswersBytes, type PromptAnswers } from "./wire.ts";

/** Longer than a server waits for a login. */
const typingMs = 5 * 60_000;

/**
 * The conversation with the command line at the other end of a socket: one line with prompts there, one with answers
 * back. What is typed goes to whoever asked, and nowhere else.
 */
export function personTalk(socket: Socket, toLine: (asked: LoginPrompts) => string): PersonTalk {
  const gone = new AbortController();
  socket.once("close", () => gone.abort(givenUp()));
  return {
    signal: gone.signal,
    interaction: {
      async answer(asked) {
        socket.write(toLine(asked));
        const line = await readOpeningLine(socket, { maxBytes: maxAnswersBytes, timeoutMs: typingMs });
        const answers = line === undefined ? undefined : answersOf(line);
        if (answers === undefined) throw givenUp();
        return answers;
      },
    },
  };
}

const givenUp = (): ConnectivityError => new ConnectivityError("cancelled", "the person at the terminal gave up");

function answersOf(line: string): string[] | undefined {
  try {
    const { answers } = JSON.parse(line) as Partial<Record<keyof PromptAnswers, unknown>>;
    return Array.isArray(answers) && answers.every((answer) => typeof answer === "string") ? answers : undefined;
  } catch {
    // The parser's message would repeat what was typed.
    return undefined;
  }
}
