import type { Workspace } from "../engine/workspace.ts";

/** The connections to SSH servers that services share: what is at the other end, and which crypto runs. */
export function connectionRows(workspace: Workspace, services: readonly string[]): Record<string, unknown>[] {
  const rows = new Map<string, Record<string, unknown> & { services: string[] }>();
  for (const service of services) {
    const transport = workspace.runtime(service)?.transport;
    const facts = transport?.facts();
    if (!transport || facts?.["crypto"] === undefined) continue;
    const row = rows.get(transport.via);
    if (row) row.services.push(service);
    else rows.set(transport.via, { via: transport.via, ...facts, services: [service] });
  }
  return [...rows.values()];
}
