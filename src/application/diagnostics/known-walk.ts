import type { Failure } from "#domain/connectivity-error.ts";
import { ladderAllOk, ladderWithFailure, rungOn } from "#domain/diagnosis/ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { LadderWalk } from "./walk-ladder.ts";

/** What the running link knows about a service, as a walk that costs nothing: for what there is no time to walk anew. */
export function knownWalk(workspace: Workspace, service: string): LadderWalk {
  const technology = workspace.declaration(service)?.spec?.technology ?? "ssh";
  const failure: Failure | undefined = workspace.condition(service).failure;
  if (!failure) return { walk: { service, confirmed: false }, ladder: ladderAllOk(technology) };
  const rung = failure.code === "dependency_failed" ? "relation" : rungOn(technology, failure);
  return {
    walk: { service, rung, failure, confirmed: false },
    ladder: ladderWithFailure(technology, rung, failure, undefined),
  };
}
