import { startOrder } from "#domain/dependency-order.ts";
import { stillNeeded } from "#domain/still-needed.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { StopEnvironmentArgs } from "../surface/use-cases.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import { requireWorkspace, select, type UseCaseDependencies } from "./scope.ts";

/** Stops an environment, or some services, dependents first; what another client still wants stays unless forced. */
export async function stopEnvironment(
  { engine, clients }: UseCaseDependencies,
  args: StopEnvironmentArgs,
  { client }: CallContext,
): Promise<Answer> {
  const workspace = await requireWorkspace(engine, client);
  const everything = workspace.services.map(({ name }) => name);
  const dependsOn = (name: string): readonly string[] => workspace.declaration(name)?.spec?.dependsOn ?? [];
  const excepted = args.except ? select(workspace, { services: args.except }, false).services : [];
  const spared = new Set(startOrder(excepted, dependsOn));
  const all = args.environment === undefined && args.services === undefined && args.except !== undefined;
  const asked = all ? everything : select(workspace, args, false).services;
  // In start order, so that the engine can stop in reverse.
  const inOrder = startOrder(asked, dependsOn).filter((name) => asked.includes(name) && !spared.has(name));
  const byEnvironment = args.services === undefined && !all && args.force !== true;
  const needed = byEnvironment ? neededElsewhere(workspace, inOrder, dependsOn) : new Map<string, string[]>();
  const names = inOrder.filter((name) => !needed.has(name));
  // Whoever stops all of it means also what the file does not declare any more.
  const gone = args.services === undefined ? workspace.wantedNames("undeclared") : [];
  const { id, name } = client.hello;
  const holder = { clientId: id, clientName: clients.nameOf(id) ?? name };
  const outcome = await engine.stop(workspace, [...names, ...gone], holder, args.force ?? false);
  const { stopped } = outcome;
  const kept = [...[...needed].map(([service, reasons]) => ({ service, for: reasons })), ...outcome.kept];
  const keptFor = kept.map((one) => `${one.service} (for ${one.for.join(", ")})`);
  const next: NextStep[] =
    kept.length > 0
      ? [
          {
            tool: "stop_environment",
            arguments: { services: kept.map((one) => one.service), force: true },
            why: "only if the user wants it: others lose their connections",
          },
        ]
      : [];
  return {
    summary: `${stopped.length === 0 ? "Nothing was stopped." : `Stopped ${stopped.join(", ")}.`}${keptFor.length > 0 ? ` Still up: ${keptFor.join(", ")}.` : ""}`,
    stopped,
    ...(kept.length > 0 && { kept }),
    next_steps: next,
  };
}

/** What of an environment is up for something else, too. */
function neededElsewhere(
  workspace: Workspace,
  stopping: readonly string[],
  dependsOn: (name: string) => readonly string[],
): Map<string, string[]> {
  const wanted = new Set(workspace.wantedNames("declared"));
  const { environments } = workspace.configuration;
  const needed = stillNeeded(stopping, { wanted, environments, dependsOn });
  return new Map([...needed].filter(([name]) => wanted.has(name)));
}
