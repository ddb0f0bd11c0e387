import { errorLines, list, stepLines, summaryOf, text, verification } from "../answer-fields.ts";
import { askDaemonFor } from "../ask-daemon.ts";
import { exit, type Command } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { planLines } from "../plan-lines.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";

export const apply: Command = {
  usage: "apply PLAN [--only CHANGE]… [--confirm SENTENCE]",
  description:
    "Applies a plan, verifies it, and puts everything back when something that worked no longer does. Shows it and asks first; in a script, --confirm takes the plan's own sentence, word for word.",
  examples: ["portwright apply add-redis-7c2f", "portwright apply new-dev-7c2f --only redis"],
  options: {
    only: { type: "string", multiple: true, value: "CHANGE", description: "only this change of the plan" },
    confirm: { type: "string", value: "SENTENCE", description: "the plan's sentence, in place of the question" },
  },
  positionals: [1, 1],
  async run(invocation) {
    const { positionals, options } = invocation;
    const [plan = ""] = positionals;
    let confirm = text(options["confirm"]);
    if (confirm === "") {
      using terminal = openTerminal(invocation);
      const shown = await askDaemonFor(invocation, { ask: "plan", plan });
      terminal.show(`${planLines(shown).join("\n")}\n\n`);
      const said = await terminal.ask("Apply it? [y/N] ");
      if (!/^y(?:es)?$/i.test(said)) {
        await render(invocation, { applied: false, plan_id: plan }, () => ({ summary: `${plan} is not applied.` }));
        return exit.failed;
      }
      confirm = text(shown["confirm"]);
    }
    const only = options["only"];
    const answered = await callTool(invocation, "apply_plan", {
      plan_id: plan,
      confirm,
      ...(only !== undefined && { only }),
    });
    const { answer } = answered;
    await render(invocation, answer, () => ({
      summary: summaryOf(answer),
      columns: ["service", "state", "endpoint", "verified by", "problem"],
      rows: list(answer["verified"]).map((row) => [
        text(row["service"]),
        text(row["state"]),
        text(row["endpoint"]),
        verification(row),
        text(row["code"]),
      ]),
      lines: [...errorLines(answer), ...stepLines(answer)],
    }));
    return exitOf(answered, answer["outcome"] === "applied");
  },
};
