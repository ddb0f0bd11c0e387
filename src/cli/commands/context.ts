import { existsSync } from "node:fs";
import { exit, type Command, type Invocation } from "../command.ts";
import { printable } from "../printable.ts";
import { render } from "../render.ts";
import { openTerminal } from "../terminal.ts";
import { unknownAction } from "../unknown-action.ts";

export const context: Command = {
  usage: "context accept NAME",
  description:
    "The cluster behind a context is remembered when it is used first; another one under the same name is refused (context_changed). accept forgets the old one: the next start takes the cluster that is there then. Asks at the terminal.",
  examples: ["portwright context accept staging"],
  positionals: [2, 2],
  async run(invocation) {
    const [action = "", name = ""] = invocation.positionals;
    if (action !== "accept") return unknownAction(invocation, "context", action, ["accept"]);
    return accept(invocation, name);
  },
};

async function accept(invocation: Invocation, name: string): Promise<number> {
  using terminal = openTerminal(invocation);
  terminal.show(`Context ${printable(name)} would be taken for whatever cluster it leads to now.\n`);
  if ((await terminal.ask("Type accept to forget the one that it led to: ")) !== "accept") {
    await render(invocation, { forgotten: 0 }, () => ({ summary: "Nothing was forgotten." }));
    return exit.failed;
  }
  const { portwrightPaths } = await import("#adapters/system/paths.ts");
  const { databaseFile } = portwrightPaths(invocation.env, invocation.homeDir);
  const forgotten = existsSync(databaseFile) ? await forget(databaseFile, name) : 0;
  const summary =
    forgotten === 0
      ? `No cluster was remembered for context ${name}.`
      : `The cluster behind context ${name} is forgotten; the next start takes the one that is there then.`;
  await render(invocation, { summary, forgotten }, () => ({ summary }));
  return exit.done;
}

async function forget(databaseFile: string, name: string): Promise<number> {
  const { openStores } = await import("#adapters/sqlite/open-stores.ts");
  const stores = openStores(databaseFile);
  try {
    return stores.clusterPins.forget(name);
  } finally {
    stores.close();
  }
}
