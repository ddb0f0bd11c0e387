import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Walk } from "#domain/diagnosis/inference.ts";
import { knownWalk } from "../diagnostics/known-walk.ts";
import { walkLadder, type LadderWalk, type WalkDependencies } from "../diagnostics/walk-ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

export type DiagnoseDependencies = UseCaseDependencies & { readonly walk: WalkDependencies };

/** A service's own walk, and the same with those of all that it depends on. */
export interface Walked {
  readonly own: LadderWalk;
  readonly walk: Walk;
}
/** By service: each is walked once a diagnosis, however many depend on it. */
export type Walks = Map<string, Promise<Walked>>;

/** Causes beside the root that are told. */
export const shownOthers = 5;

/**
 * Walks a service and what it depends on; `anew`: by a fresh dial, else from what is known.
 * @throws ConnectivityError `cancelled`
 */
export function walkWithDependencies(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  service: string,
  walks: Walks,
  context: CallContext,
  anew = true,
): Promise<Walked> {
  let walked = walks.get(service);
  if (!walked) walks.set(service, (walked = walkOnce(deps, workspace, service, walks, context, anew)));
  return walked;
}

async function walkOnce(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  service: string,
  walks: Walks,
  context: CallContext,
  anew: boolean,
): Promise<Walked> {
  if (anew) context.progress(`checking ${service}`);
  // A configuration has no cycles: one that had was refused.
  const dependsOn = workspace.declaration(service)?.spec?.dependsOn ?? [];
  const [own, ...below] = await Promise.all([
    anew ? walkLadder(deps.walk, workspace, service, context.signal) : knownWalk(workspace, service),
    ...dependsOn.map((name) => walkWithDependencies(deps, workspace, name, walks, context, anew)),
  ]);
  if (context.signal.aborted) throw new ConnectivityError("cancelled", "the diagnosis was cancelled");
  return { own, walk: { ...own.walk, dependencies: below.map(({ walk }) => walk) } };
}
