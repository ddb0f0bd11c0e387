import type { LoginPrompts } from "#application/ports/interaction.ts";
import { summaryOf } from "../answer-fields.ts";
import { talkToDaemon } from "../ask-daemon.ts";
import { exit, type Invocation } from "../command.ts";
import { printable } from "../printable.ts";
import { render } from "../render.ts";
import { openTerminal, type Terminal } from "../terminal.ts";

/** `portwright ssh login HOST`: what servers ask on the way is shown at the terminal, and what is typed goes to the daemon. */
export async function logIn(invocation: Invocation): Promise<number> {
  const [, host = ""] = invocation.positionals;
  using terminal = openTerminal(invocation);
  const answer = await talkToDaemon(invocation, { ask: "ssh_login", host }, (asked) => answers(terminal, asked));
  await render(invocation, answer, () => ({ summary: summaryOf(answer) }));
  return exit.done;
}

/** What a server says is marked as its own, line by line; the question names who asks, as OpenSSH does. */
async function answers(terminal: Terminal, { from, name, instruction, prompts }: LoginPrompts): Promise<string[]> {
  const asker = printable(from);
  const said = [name, instruction].map((text) => printable(text).trimEnd()).filter((text) => text !== "");
  if (said.length > 0) {
    const lines = said.join("\n").split("\n");
    terminal.show(`${asker} says:\n${lines.map((line) => `  | ${line}`).join("\n")}\n`);
  }
  const typed: string[] = [];
  for (const { text, echo } of prompts) {
    const question = `(${asker}) ${printable(text).replaceAll(/\s+/g, " ")}`;
    typed.push(await (echo ? terminal.ask(question) : terminal.askHidden(question)));
  }
  return typed;
}
