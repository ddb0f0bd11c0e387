import type { ClientSession } from "../client.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import { getStatus } from "./get-status.ts";
import { requireWorkspace, selectService, workspaceOf, type UseCaseDependencies } from "./scope.ts";
import { serviceRow } from "./service-row.ts";

/** A resource is read without a call behind it: nothing to cancel, nobody to tell of progress. */
const quietContext = (client: ClientSession): CallContext => ({
  client,
  signal: new AbortController().signal,
  progress: () => undefined,
});

/** The resource `portwright://status`. */
export const readStatus = (deps: UseCaseDependencies, client: ClientSession): Promise<Answer> =>
  getStatus(deps, {}, quietContext(client));

/** The resource `portwright://services/{name}`. @throws ConnectivityError `unknown_service` */
export async function readService(deps: UseCaseDependencies, client: ClientSession, asked: string): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, client);
  const service = selectService(workspace, asked, false);
  const row = serviceRow(deps, workspace, service, quietContext(client));
  const spec = workspace.declaration(service)?.spec;
  return {
    summary: `${service} is ${workspace.condition(service).state}.`,
    ...row,
    ...(spec && {
      technology: spec.technology,
      check: spec.healthCheck.type,
      remote_port: spec.remotePort,
      ...(spec.dependsOn.length > 0 && { depends_on: spec.dependsOn }),
      ...(spec.description !== undefined && { description: spec.description }),
    }),
  };
}

/** Names as declared, for completion; none when there is no valid configuration. */
export async function declaredNames(
  deps: UseCaseDependencies,
  client: ClientSession,
  kind: "services" | "environments",
): Promise<readonly string[]> {
  try {
    const workspace = await workspaceOf(deps.engine, client);
    return workspace?.configuration[kind].map(({ name }) => name) ?? [];
  } catch {
    return [];
  }
}
