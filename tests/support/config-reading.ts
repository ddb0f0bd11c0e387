import { interpret } from "#adapters/config-files/interpret.ts";
import type { ConfigProblem, Configuration } from "#domain/spec/configuration.ts";

type Dialect = "portwright" | "localport";
type Env = Readonly<Record<string, string>>;

/** Reads a text as if it stood in a file. */
export const reading = (text: string, dialect: Dialect = "portwright", env: Env = {}) =>
  interpret(dialect === "portwright" ? "/w/portwright.yaml" : "/w/localport.yaml", text, dialect, (name) => env[name]);

/** All problems, whether the file is in force or not. */
export function problemsIn(text: string, dialect: Dialect = "portwright", env: Env = {}): readonly ConfigProblem[] {
  const result = reading(text, dialect, env);
  return result.ok ? result.configuration.warnings : result.problems;
}

/** Problems on one line each: `severity line:column code path (nearest)`. */
export const shortProblems = (text: string, dialect: Dialect = "portwright", env: Env = {}): string[] =>
  problemsIn(text, dialect, env).map(
    ({ severity, line, column, code, path, nearest }) =>
      `${severity} ${line}:${column} ${code} ${path}${nearest === undefined ? "" : ` (${nearest})`}`,
  );

/** What a valid text declares. */
export function configurationOf(text: string, dialect: Dialect = "portwright", env: Env = {}): Configuration {
  const result = reading(text, dialect, env);
  if (!result.ok) throw new TypeError(`expected a valid configuration: ${JSON.stringify(result.problems, null, 1)}`);
  return result.configuration;
}

/** The one service of a text with its specification. */
export function specOf(text: string, dialect: Dialect = "portwright", env: Env = {}) {
  const [service] = configurationOf(text, dialect, env).services;
  if (!service?.spec) throw new TypeError(`expected a service: ${JSON.stringify(service)}`);
  return service.spec;
}
