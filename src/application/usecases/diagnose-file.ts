import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { describeProblem, invalidConfiguration } from "../engine/configuration-problems.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer } from "../surface/tool-definition.ts";

const shownProblems = 7;

/**
 * The diagnosis of a file that never could be used and whose problem has a name of its own: services that wait for each
 * other, that want one port. `undefined`: there is none such.
 * @throws ConnectivityError `config_invalid`: it is not in the file's format, with every problem
 */
export function diagnoseFile({ path, problems }: Workspace): Answer | undefined {
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (!first) return undefined;
  if (errors.some(({ code }) => code === "config_invalid")) throw invalidConfiguration(path, problems);
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const message = `${path}:${first.line}:${first.column}: ${first.message}${more}`;
  const steps = remediesFor({ code: first.code, message });
  return {
    summary: `The configuration is not valid: ${message}.`,
    status: "found",
    healthy: false,
    side: "you",
    root_cause: {
      code: first.code,
      rung: "configuration",
      message,
      confidence: 0.99,
      evidence: errors
        .slice(0, shownProblems)
        .map((problem) => ({ fact: "problem", value: describeProblem(problem), source: path })),
    },
    user_steps: [
      { do: "run", command: "portwright config validate", why: "every problem with file, line and column" },
      ...steps.slice(0, 2),
    ],
    next_steps: [{ tool: "get_status", arguments: {}, why: "what runs, once the file is mended" }],
  };
}

/** What to say when an older reading is in force because the file is not valid now. */
export function staleNote({ path, problems }: Workspace): string[] {
  const first = problems.find(({ severity }) => severity === "error");
  return first
    ? [`The file is not valid now (${path}:${first.line}: ${first.message}): this is about the last one that was.`]
    : [];
}
