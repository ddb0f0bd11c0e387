import { removalOf } from "#domain/plan/operation.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { RemoveServiceArgs } from "../surface/use-cases.ts";
import { baseOf, editOf, planned, type ConfigureDependencies } from "./configure-service.ts";
import { requireWorkspace, selectService } from "./scope.ts";

/** Plans the removal of a definition, with what names it mended. Changes nothing. */
export async function removeService(
  deps: ConfigureDependencies,
  args: RemoveServiceArgs,
  context: CallContext,
): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, context.client);
  const service = selectService(workspace, args.service, false);
  const base = await baseOf(deps, workspace, context);
  const changes = removalOf(service, base.raw);
  const dependents = changes.flatMap(({ id }) => (id === service || id.startsWith("env:") ? [] : [id]));
  const answer = await planned(deps, workspace, base, editOf(changes), context);
  if (dependents.length === 0) return answer;
  const told = `${dependents.join(", ")} ${dependents.length === 1 ? "depends" : "depend"} on it and would not any more.`;
  return { ...answer, summary: `${answer.summary} ${told}`, dependents };
}
