import type { ConfigProblem } from "#domain/spec/configuration.ts";
import type { Report } from "./located.ts";

/** More problems of one file help nobody; the rest shows when these are mended. */
const mostProblems = 200;

/** Takes problems, each once: a value that several services inherit is wrong in one place only. */
export function problemList(): {
  readonly problems: () => readonly ConfigProblem[];
  readonly report: Report;
} {
  const found = new Map<string, ConfigProblem>();
  return {
    problems: () => [...found.values()],
    report: (said) => {
      const problem = plain(said);
      const key = `${problem.line}:${problem.column}:${problem.message}`;
      const known = found.get(key);
      if (known ? known.severity === "warning" && problem.severity === "error" : true) found.set(key, problem);
    },
  };
}

/** Keys and names of a file stand in sentences of ours: none may move a cursor or turn the reading direction. */
function plain(problem: ConfigProblem): ConfigProblem {
  const { message, path, text } = problem;
  return {
    ...problem,
    message: withoutControls(message),
    path: withoutControls(path),
    ...(text !== undefined && { text: withoutControls(text) }),
  };
}

const withoutControls = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "");

/** Errors first, each in file order. */
export const orderedProblems = (problems: readonly ConfigProblem[]): ConfigProblem[] =>
  problems
    .toSorted((left, right) => rank(left) - rank(right) || left.line - right.line || left.column - right.column)
    .slice(0, mostProblems);

const rank = ({ severity }: ConfigProblem): number => (severity === "error" ? 0 : 1);
