import type { Running } from "#domain/plan/impact.ts";
import type { Engine } from "../engine/engine.ts";
import type { Workspace } from "../engine/workspace.ts";

/** What runs of a workspace; with a client's id, who else wants it. */
export const runningIn =
  (engine: Engine, workspace: Workspace | undefined, clientId?: string) =>
  (name: string): Running => ({
    wanted: workspace?.isWanted(name) ?? false,
    connections: workspace?.runtime(name)?.connections ?? 0,
    otherClients:
      workspace === undefined || clientId === undefined ? [] : engine.othersWanting(workspace, name, clientId),
  });
