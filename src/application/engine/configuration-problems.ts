import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ConfigProblem } from "#domain/spec/configuration.ts";

/** One error for a file with any number of problems; the first is in the message, all are in the facts. */
export function invalidConfiguration(
  path: string,
  problems: readonly ConfigProblem[],
  inForce?: string,
): ConnectivityError {
  const errors = problems.filter((problem) => problem.severity === "error");
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const where = first ? `${path}:${first.line}:${first.column}: ${first.message}${more}` : path;
  return new ConnectivityError("config_invalid", `the configuration is not valid: ${where}`, {
    file: path,
    problems: errors.slice(0, 20).map(describeProblem),
    ...(inForce !== undefined && { in_force: inForce }),
  });
}

/** One line: place, sentence, the nearest valid name. */
export function describeProblem({ line, column, message, nearest }: ConfigProblem): string {
  return `${line}:${column}: ${message}${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`;
}

/** A file that cannot be read (any more) as a problem of it. */
export const unreadable = (error: ConnectivityError): ConfigProblem => ({
  severity: "error",
  code: "config_invalid",
  message: error.message,
  path: "",
  line: 1,
  column: 1,
});
