import type * as z from "zod";
import { nearestName } from "#domain/names.ts";
import { cleanName } from "#application/surface/untrusted.ts";

/** One wrong argument: where, what is expected there, and the nearest valid name where one is near. */
export interface ArgumentProblem {
  /** `include[0]`; empty: the arguments as a whole. */
  readonly argument: string;
  /** Our sentence, without the name of the argument. */
  readonly problem: string;
  readonly nearest?: string;
}

const mostProblems = 10;

type Issue = z.core.$ZodIssue;

/** `include[0]` from `["include", 0]`. */
const pathOf = (path: readonly PropertyKey[]): string =>
  path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : `${at === 0 ? "" : "."}${cleanName(String(part))}`))
    .join("");

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
    value,
  );

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  int: "an integer",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};
const kind = (expected: string): string => kinds[expected] ?? expected;

function atMost({ origin, maximum }: z.core.$ZodIssueTooBig): string {
  if (origin === "string") return `must have at most ${maximum} characters`;
  return origin === "array" ? `must have at most ${maximum} entries` : `must be at most ${maximum}`;
}

function valueProblem(issue: z.core.$ZodIssueInvalidValue, given: unknown): Omit<ArgumentProblem, "argument"> {
  const values = issue.values.map(String);
  const expected = `must be one of ${values.join(", ")}`;
  if (typeof given !== "string") return { problem: expected };
  const nearest = nearestName(given, values);
  return nearest === undefined ? { problem: expected } : { problem: `${expected} (did you mean ${nearest}?)`, nearest };
}

function problemsOf(issue: Issue, input: unknown, known: readonly string[]): ArgumentProblem[] {
  const argument = pathOf(issue.path);
  const given = at(input, issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => {
        const nearest = issue.path.length === 0 ? nearestName(key, known) : undefined;
        const name = cleanName(key);
        return nearest === undefined
          ? { argument: name, problem: `is not an argument of this tool; it takes ${known.join(", ") || "none"}` }
          : { argument: name, problem: `is not an argument of this tool (did you mean ${nearest}?)`, nearest };
      });
    case "invalid_value":
      return given === undefined
        ? [{ argument, problem: `is missing (one of ${issue.values.map(String).join(", ")})` }]
        : [{ argument, ...valueProblem(issue, given) }];
    case "invalid_type":
      return given === undefined
        ? [{ argument, problem: `is missing (${kind(issue.expected)})` }]
        : [{ argument, problem: `must be ${kind(issue.expected)}, not ${kindOf(given)}` }];
    case "too_big":
      return [{ argument, problem: atMost(issue) }];
    case "too_small":
      return ["string", "array"].includes(issue.origin)
        ? [{ argument, problem: "must not be empty" }]
        : [{ argument, problem: `must be at least ${issue.minimum}` }];
    default:
      return [{ argument, problem: "is not valid" }];
  }
}

/** What is wrong with the arguments of a call, one entry a problem, at most ten. */
export function argumentProblems(error: z.ZodError, input: unknown, known: readonly string[]): ArgumentProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, input, known)).slice(0, mostProblems);
}
