import { infer, type Cause, type Inference, type Walk } from "#domain/diagnosis/inference.ts";
import { placeOf, sameCause, type Placed } from "#domain/diagnosis/same-cause.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { DiagnoseArgs } from "../surface/use-cases.ts";
import { briefCause, causeFields, causeSteps, causeSummary, untrustedOf, userSteps } from "./cause-fields.ts";
import { select } from "./scope.ts";
import {
  shownOthers,
  walkWithDependencies,
  type DiagnoseDependencies,
  type Thoroughness,
  type Walks,
} from "./walks.ts";

/** Ladders walked at the same time: enough for ten services in two seconds, few enough to leave the machine alone. */
const walksAtOnce = 8;
/** All together; with less than `leastMs` left the rest is told from what the running links know. */
const answerMs = 7200;
const leastMs = 1500;

type SharedCause = Cause & { readonly services: string[] };

/** Every service that is not well, with causes that are one folded into one. */
export async function diagnoseAll(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  args: DiagnoseArgs,
  context: CallContext,
): Promise<Answer> {
  const { services, environment, notes } = select(workspace, args, true);
  const asked = services.filter((service) => workspace.isWanted(service));
  const unwell = asked.filter((service) => workspace.condition(service).state !== "ready");
  const title = [...notes, environment?.name ?? "services"].join(" ");
  if (unwell.length === 0) return nothingUnwell(title, asked);
  const ranked = await causesOf(deps, workspace, unwell, context);
  const [first] = ranked;
  if (!first) return nothingFound(title, unwell);
  const explained = first.services.length > 1 ? ` It explains ${first.services.join(", ")}.` : "";
  const count = ranked.length === 1 ? "one cause" : `${ranked.length} independent causes`;
  return {
    summary: `${title}: ${unwell.length} of ${asked.length} not ready, ${count}. ${causeSummary(first.service, first)}${explained}`,
    status: ranked.length === 1 ? "found" : "several",
    healthy: false,
    side: first.side,
    root_cause: { ...causeFields(first, context), explains: first.services },
    ...(ranked.length > 1 && {
      other_causes: ranked
        .slice(1, 1 + shownOthers)
        .map((cause) => ({ ...briefCause(cause), explains: cause.services })),
    }),
    ...untrustedOf(first),
    ...userSteps(workspace, first),
    next_steps: causeSteps(workspace, first),
  };
}

/** The distinct causes of all, the one that explains most first. */
async function causesOf(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  unwell: readonly string[],
  context: CallContext,
): Promise<SharedCause[]> {
  const walks: Walks = new Map();
  const inferred = new Map<Walk, Inference>();
  const causes: SharedCause[] = [];
  const endMs = deps.clock.monotonicMs() + answerMs;
  const walkAll = async (batch: readonly string[], wanted: Thoroughness): Promise<void> => {
    const leftMs = endMs - deps.clock.monotonicMs();
    const how = leftMs < leastMs ? "known" : wanted;
    const walked = await Promise.all(
      batch.map((service) => walkWithDependencies(deps, workspace, service, walks, context, how, leftMs)),
    );
    for (const { walk } of walked) {
      const { root } = infer(walk, inferred);
      if (root) fold(causes, root, walk.service);
    }
  };
  // One of each kind of failure first: what fails for the same thing needs no second look.
  const failureOf = (service: string): Placed | undefined => {
    const { failure } = workspace.condition(service);
    const spec = workspace.declaration(service)?.spec;
    return failure && { failure, place: spec && placeOf(spec) };
  };
  const first: string[] = [];
  const alike: string[] = [];
  for (const service of unwell) {
    const failure = failureOf(service);
    const seen = failure && first.map(failureOf).some((other) => other && sameCause(other, failure));
    (seen ? alike : first).push(service);
  }
  for (let index = 0; index < first.length; index += walksAtOnce)
    await walkAll(first.slice(index, index + walksAtOnce), "anew");
  await walkAll(alike, "known");
  return causes.toSorted((left, right) => right.services.length - left.services.length);
}

function fold(causes: SharedCause[], root: Cause, service: string): void {
  const known = causes.find(
    (cause) => (cause.service === root.service && cause.failure.code === root.failure.code) || sameCause(cause, root),
  );
  if (known === undefined) causes.push({ ...root, services: [service] });
  else {
    known.services.push(service);
    // The hop's own service says more than those that it stops.
    if (known.failure.code === "ssh_jump_failed" && root.failure.code !== "ssh_jump_failed") Object.assign(known, root);
  }
}

function nothingUnwell(title: string, asked: readonly string[]): Answer {
  const nothing = asked.length === 0;
  return {
    summary: nothing ? `${title}: nothing is running.` : `${title}: all ${asked.length} running services are verified.`,
    status: nothing ? "unknown" : "healthy",
    healthy: !nothing,
    side: "none",
    next_steps: nothing ? [{ tool: "start_environment", arguments: {}, why: "nothing is running" }] : [],
  };
}

const nothingFound = (title: string, unwell: readonly string[]): Answer => ({
  summary: `${title}: ${unwell.join(", ")} not ready, and nothing is found wrong on the way: it may just have healed.`,
  status: "unknown",
  healthy: false,
  side: "none",
  ruled_out: ["configuration", "local port", "the way to the target", "the check at its end"],
  next_steps: [{ tool: "get_status", arguments: {}, why: "see whether it is ready now" }],
});
