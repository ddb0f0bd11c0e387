import { ConnectivityError } from "#domain/connectivity-error.ts";
import { editsOf, type PlannedChange } from "#domain/plan/operation.ts";
import type { Plan } from "#domain/plan/plan.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import { describeProblem } from "../engine/configuration-problems.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";

/** The text of a file that is not there yet. */
const newFile = 'version: "1.0"\n';

/** The text that changes make of another one, each on what the one before left. */
export async function changedText(
  { editor }: PlanDependencies,
  path: string,
  text: string,
  changes: readonly PlannedChange[],
): Promise<string> {
  let now = text;
  for (const operation of changes.flatMap(({ operations }) => operations)) {
    const edits = editsOf(operation, await editor.raw(path, now));
    if (edits.length > 0) now = await editor.edit(path, now, edits);
  }
  return now;
}

/**
 * The text that a plan writes over the one that is there; `only`: the ids of the changes that are wanted.
 * @throws ConnectivityError `invalid_arguments` for an id that the plan does not have, or when it cannot be taken apart
 */
export async function plannedText(
  deps: PlanDependencies,
  { source, workspace }: Plan,
  current: string,
  only: readonly string[] | undefined,
): Promise<string> {
  const pick = (changes: readonly PlannedChange[]): readonly PlannedChange[] => {
    const ids = changes.map(({ id }) => id);
    const unknown = only?.find((id) => !ids.includes(id));
    if (unknown !== undefined) {
      throw new ConnectivityError("invalid_arguments", `the plan has no change ${unknown.slice(0, 80)}`, {
        known: ids,
      });
    }
    return only === undefined ? changes : changes.filter(({ id }) => only.includes(id));
  };
  switch (source.kind) {
    case "edit":
      return changedText(deps, workspace, current, pick(source.changes));
    case "create":
      return only === undefined ? source.text : changedText(deps, workspace, newFile, pick(source.changes));
    case "restore":
    case "file": {
      if (only !== undefined)
        throw new ConnectivityError("invalid_arguments", "this plan is applied as a whole: leave only out");
      if (source.kind === "file") return current;
      const text = deps.plans.textOf(workspace, source.generation);
      if (text !== undefined) return text;
      throw new ConnectivityError("plan_stale", `generation ${source.generation} is not kept any more`);
    }
  }
}

/** What a new file begins with, and what changes are made of. */
export const newFileText = newFile;

/**
 * What a text would mean.
 * @throws ConnectivityError `invalid_arguments` with every problem when it would not be valid
 */
export async function wouldMean(deps: PlanDependencies, path: string, text: string): Promise<Configuration> {
  const reading = await deps.editor.interpret(path, text, deps.lookup(path));
  if (reading.ok) return reading.configuration;
  const problems = reading.problems.filter(({ severity }) => severity === "error");
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const what = first ? `${first.path === "" ? "" : `${first.path}: `}${first.message}` : "it cannot be read";
  const nearest = first?.nearest === undefined ? "" : `; did you mean ${first.nearest}?`;
  throw new ConnectivityError("invalid_arguments", `the configuration would not be valid: ${what}${nearest}${more}`, {
    problems: problems.slice(0, 10).map((problem) => `${problem.path}: ${describeProblem(problem)}`),
  });
}
