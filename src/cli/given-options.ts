import type { Invocation } from "./command.ts";

/** The options that were given, as arguments of a tool under the same names; `limit` as a number. */
export const givenOptions = (options: Invocation["options"], names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = options[name];
      return value === undefined ? [] : [[name, name === "limit" ? Number(value) : value]];
    }),
  );
