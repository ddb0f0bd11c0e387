import { list, summaryOf, text } from "../answer-fields.ts";
import { askDaemonFor } from "../ask-daemon.ts";
import { exit, type Command } from "../command.ts";
import { keyLines } from "../plan-lines.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";

const word = "trust";

export const trust: Command = {
  usage: "trust [--show] [--revoke]",
  description:
    "Shows the keys of this workspace's configuration that run programs or read secrets of this machine, and asks at the terminal whether they may. The trust is bound to these keys and the targets of their services: it ends when one of them changes.",
  examples: ["portwright trust", "portwright trust --show --output json", "portwright trust --revoke"],
  options: {
    show: { type: "boolean", description: "only show them" },
    revoke: { type: "boolean", description: "take the trust back" },
  },
  positionals: [0, 0],
  async run(invocation) {
    const { options } = invocation;
    if (options["revoke"] === true) {
      const answer = await askDaemonFor(invocation, { ask: "distrust" });
      await render(invocation, answer, () => ({ summary: summaryOf(answer) }));
      return exit.done;
    }
    const shown = await askDaemonFor(invocation, { ask: "trust_keys" });
    const digest = text(shown["digest"]);
    if (options["show"] === true || digest === "" || shown["trusted"] === true) {
      await render(invocation, shown, () => ({ summary: summaryOf(shown), lines: keyLines(list(shown["keys"])) }));
      return exit.done;
    }
    using terminal = openTerminal(invocation);
    terminal.show(`${[summaryOf(shown), ...keyLines(list(shown["keys"]))].join("\n")}\n\n`);
    if ((await terminal.ask(`Type ${word} to let them: `)) !== word) {
      await render(invocation, { trusted: false }, () => ({ summary: "Not trusted." }));
      return exit.failed;
    }
    const answer = await askDaemonFor(invocation, { ask: "trust", digest });
    await render(invocation, answer, () => ({ summary: summaryOf(answer) }));
    return exit.done;
  },
};
