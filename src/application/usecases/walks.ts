import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Walk } from "#domain/diagnosis/inference.ts";
import { placeOf } from "#domain/diagnosis/same-cause.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { knownWalk } from "../diagnostics/known-walk.ts";
import { examine, type Examination } from "../diagnostics/examine.ts";
import type { WalkDependencies } from "../diagnostics/walk-ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

export type DiagnoseDependencies = UseCaseDependencies & { readonly walk: WalkDependencies };

/** A service's own walk, and the same with those of all that it depends on. */
export interface Walked {
  readonly own: Examination;
  readonly walk: Walk;
}
/** By service: each is walked once a diagnosis, however many depend on it. */
export type Walks = Map<string, Promise<Walked>>;

/** Causes beside the root that are told. */
export const shownOthers = 5;

/** `anew`: by a fresh dial and facts beside it; `fully`: with all facts, even where all is well; `known`: from what is known. */
export type Thoroughness = "anew" | "fully" | "known";

/**
 * Walks a service and what it depends on.
 * @throws ConnectivityError `cancelled`
 */
export function walkWithDependencies(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  service: string,
  walks: Walks,
  context: CallContext,
  how: Thoroughness = "anew",
  withinMs?: number,
): Promise<Walked> {
  let walked = walks.get(service);
  if (!walked) walks.set(service, (walked = walkOnce(deps, workspace, service, walks, context, how, withinMs)));
  return walked;
}

async function walkOnce(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  service: string,
  walks: Walks,
  context: CallContext,
  how: Thoroughness,
  withinMs: number | undefined,
): Promise<Walked> {
  if (how !== "known") context.progress(`checking ${service}`);
  // A configuration has no cycles: one that had was refused.
  const dependsOn = workspace.declaration(service)?.spec?.dependsOn ?? [];
  const [own, ...below] = await Promise.all([
    how === "known"
      ? ({ ...knownWalk(workspace, service), facts: [] } satisfies Examination as Examination)
      : examine(deps.walk, workspace, service, context.signal, how === "fully", withinMs),
    ...dependsOn.map((name) =>
      walkWithDependencies(deps, workspace, name, walks, context, how === "fully" ? "anew" : how, withinMs),
    ),
  ]);
  if (context.signal.aborted) throw new ConnectivityError("cancelled", "the diagnosis was cancelled");
  const { facts, pod, unsteady } = own;
  const dependencies = below.map(({ walk }) => walk);
  const spec = workspace.declaration(service)?.spec;
  const check = checkWords(spec?.healthCheck);
  return {
    own,
    walk: {
      ...own.walk,
      dependencies,
      facts,
      nowMs: deps.clock.nowMs(),
      ...(pod !== undefined && { pod }),
      ...(check !== undefined && { check }),
      ...(spec && { place: placeOf(spec) }),
      ...(unsteady && { unsteady }),
    },
  };
}

/** Keys of a check that say what it asks for; what may hold a secret is not among them. */
const askedFor = ["path", "database", "user", "username", "topic", "service", "expected_content"] as const;

/** `postgres, database app, user tb`. */
function checkWords(check: ServiceSpec["healthCheck"] | undefined): string | undefined {
  if (check === undefined) return undefined;
  const config = check.config as Readonly<Record<string, unknown>>;
  const words = askedFor.flatMap((key) => {
    const value = config[key];
    return typeof value === "string" && !value.includes("${")
      ? [`${key.replaceAll("_", " ")} ${value.slice(0, 80)}`]
      : [];
  });
  return [check.type, ...words].join(", ");
}
