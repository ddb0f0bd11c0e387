import { ConnectivityError } from "#domain/connectivity-error.ts";
import { list, stepLines, summaryOf, text, type Fields } from "../answer-fields.ts";
import { askDaemonFor } from "../ask-daemon.ts";
import { exit, type Invocation } from "../command.ts";
import { callTool } from "../daemon-client.ts";
import { exitOf } from "../finish.ts";
import { printable } from "../printable.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";

/** Clusters are looked through meanwhile. */
const proposalMs = 25_000;

/** Makes a first configuration: shows what was found, asks, writes the file and starts it. */
export async function initConfiguration(invocation: Invocation): Promise<number> {
  await refuseSecond(invocation);
  const proposal = await askDaemonFor(invocation, { ask: "propose" }, proposalMs);
  const plan = text(proposal["plan_id"]);
  if (plan === "") {
    await render(invocation, proposal, () => ({
      summary: summaryOf(proposal),
      lines: [...foundLines(proposal), ...stepLines(proposal)],
    }));
    return exit.failed;
  }
  if (invocation.options["yes"] !== true) {
    using terminal = openTerminal(invocation);
    const lines = [summaryOf(proposal), ...foundLines(proposal)].map(printable);
    terminal.show(`${lines.join("\n")}\n\n`);
    const said = await terminal.ask("Write portwright.yaml and start it? [y/N] ");
    if (!/^y(?:es)?$/i.test(said)) {
      await render(invocation, { applied: false, plan_id: plan }, () => ({ summary: "Nothing was written." }));
      return exit.failed;
    }
  }
  const answered = await callTool(invocation, "apply_plan", { plan_id: plan, confirm: text(proposal["confirm"]) });
  const { answer } = answered;
  await render(invocation, answer, () => ({ summary: summaryOf(answer), lines: stepLines(answer) }));
  return exitOf(answered, answer["outcome"] === "applied");
}

/** @throws ConnectivityError `not_supported` when this folder has a configuration */
async function refuseSecond({ cwd, env, config }: Invocation): Promise<void> {
  const { createConfigSource } = await import("#adapters/config-files/index.ts");
  const path = await createConfigSource().find({ cwd, config, lookup: (name) => env[name] });
  if (path !== undefined) throw new ConnectivityError("not_supported", `${path} is there already: change that one`);
}

const foundLines = (proposal: Fields): string[] =>
  list(proposal["services"]).map((service) => {
    const candidates = Array.isArray(service["candidates"]) ? service["candidates"].map(text).join(" or ") : "";
    const where = [
      text(service["target"]) || candidates || text(service["local"]) || "not found",
      text(service["certainty"]),
    ];
    return `  ${text(service["service"])}  ${where.filter(Boolean).join("  ")}  (${text(service["from"])})`;
  });
