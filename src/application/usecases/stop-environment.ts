import { startOrder } from "#domain/dependency-order.ts";
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
  const names = startOrder(asked, dependsOn).filter((name) => asked.includes(name) && !spared.has(name));
  // Whoever stops all of it means also what the file does not declare any more.
  const gone = args.services === undefined ? workspace.wantedNames("undeclared") : [];
  const { id, name } = client.hello;
  const holder = { clientId: id, clientName: clients.nameOf(id) ?? name };
  const { stopped, kept } = await engine.stop(workspace, [...names, ...gone], holder, args.force ?? false);
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
