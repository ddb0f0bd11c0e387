import { errorLines, list, stepLines, summaryOf, text, type Fields } from "../answer-fields.ts";
import { askDaemonFor } from "../ask-daemon.ts";
import { exit, type Command, type Invocation } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { planLines } from "../plan-lines.ts";
import { render } from "../render.ts";

export const plan: Command = {
  usage: "plan [PLAN] [--remove SERVICE] [--rollback-to GENERATION]",
  description:
    "Lists the plans that wait, an edit of the file that waits for a person among them; shows one; or makes one: to remove a service, or to go back to a kept generation. Nothing is changed before 'portwright apply'.",
  examples: [
    "portwright plan",
    "portwright plan add-redis-7c2f",
    "portwright plan --remove cache",
    "portwright plan --rollback-to 14",
  ],
  options: {
    remove: { type: "string", value: "SERVICE", description: "plan the removal of this service" },
    "rollback-to": { type: "string", value: "GENERATION", description: "plan the way back to this generation" },
  },
  positionals: [0, 1],
  async run(invocation) {
    const { options, positionals } = invocation;
    const [id] = positionals;
    if (options["remove"] !== undefined) return make(invocation, "remove_service", { service: options["remove"] });
    const generation = options["rollback-to"];
    if (generation !== undefined) return make(invocation, "configure_service", { rollback_to: Number(generation) });
    if (id === undefined) return listPlans(invocation);
    const shown = await askDaemonFor(invocation, { ask: "plan", plan: id });
    await render(invocation, shown, () => ({ summary: text(shown["confirm"]), lines: planLines(shown) }));
    return exit.done;
  },
};

async function make(invocation: Invocation, tool: string, args: Fields): Promise<number> {
  const answered = await callTool(invocation, tool, args);
  const { answer } = answered;
  const id = text(answer["plan_id"]);
  await render(invocation, answer, () => ({
    summary: id === "" ? summaryOf(answer) : `portwright apply ${id}`,
    lines: id === "" ? errorLines(answer) : [...planLines(answer), ...stepLines(answer)],
  }));
  return exitOf(answered, true);
}

async function listPlans(invocation: Invocation): Promise<number> {
  const answered = await callTool(invocation, "get_status", { include: ["plans"] });
  const { answer } = answered;
  const plans = list(answer["plans"]);
  await render(invocation, { summary: summaryOf(answer), plans }, () => ({
    summary: plans.length === 0 ? "No plan waits." : `${plans.length} wait${plans.length === 1 ? "s" : ""}.`,
    columns: ["plan", "risk", "by", "approved", "what"],
    rows: plans.map((one) => [one["plan_id"], one["risk"], one["by"], one["approved"], one["confirm"]].map(text)),
    lines: errorLines(answer),
  }));
  return exitOf(answered, true);
}
