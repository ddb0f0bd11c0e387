import { summaryOf, text } from "../answer-fields.ts";
import { askDaemonFor } from "../ask-daemon.ts";
import { exit, type Command } from "../command.ts";
import { planLines } from "../plan-lines.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";

const word = "approve";

export const approve: Command = {
  usage: "approve PLAN",
  description:
    "Shows a plan that only a person may let through (it reaches production, runs a program, listens beyond this machine…) and asks at the terminal. The approval holds for exactly what was shown; an AI client cannot give it. An edit of the file that waits is in force at once.",
  examples: ["portwright approve connect-prod-51b0"],
  positionals: [1, 1],
  async run(invocation) {
    const [plan = ""] = invocation.positionals;
    using terminal = openTerminal(invocation);
    const shown = await askDaemonFor(invocation, { ask: "plan", plan });
    terminal.show(`${planLines(shown).join("\n")}\n\n`);
    if ((await terminal.ask(`Type ${word} to let it through: `)) !== word) {
      await render(invocation, { approved: false, plan_id: plan }, () => ({ summary: `${plan} is not approved.` }));
      return exit.failed;
    }
    const answer = await askDaemonFor(invocation, { ask: "approve", plan, digest: text(shown["digest"]) });
    await render(invocation, { ...answer, approved: true }, () => ({ summary: summaryOf(answer) }));
    return exit.done;
  },
};
