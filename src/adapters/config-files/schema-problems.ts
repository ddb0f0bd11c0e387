import type * as z from "zod";
import { nearestName } from "#domain/names.ts";
import type { ConfigProblem } from "#domain/spec/configuration.ts";
import { templateUse } from "#domain/spec/scalars.ts";
import { knownKeys } from "./known-keys.ts";
import { formatPath, keyPositionAt, nodeAt, positionAt, type Dialect, type Located, type Path } from "./located.ts";
import { shownName, shownText } from "./problem-text.ts";

type Issue = z.core.$ZodIssue;

/** A piece of a file that a schema has looked at, and where in the file it stands. */
export interface Checked {
  readonly root: Located;
  readonly base: Path;
  readonly dialect: Dialect;
}

/** What a schema found, as problems with places. Issues about values that wait for a variable are left out. */
export const schemaProblems = (issues: readonly Issue[], checked: Checked): ConfigProblem[] =>
  issues.flatMap((issue) => {
    const node = nodeAt(checked.root, pathOf(issue));
    if (node?.kind === "scalar" && node.missing) return [];
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, pathOf(issue), checked));
    return [valueProblem(issue, node, checked)];
  });

/** Keys of maps and indexes of lists; nothing else stands in a file. */
const pathOf = (issue: Issue): Path => issue.path.map((key) => (typeof key === "number" ? key : String(key)));

function unknownKey(key: string, parent: Path, { root, base, dialect }: Checked): ConfigProblem {
  const path = [...parent, key];
  const nearest = nearestName(key, knownKeys(root, base, parent));
  const ignored = dialect === "localport" ? ", and is ignored" : "";
  return {
    ...keyPositionAt(root, path),
    severity: dialect === "localport" ? "warning" : "error",
    code: "config_invalid",
    message: key === "<<" ? mergeKey : `${shownName(key)} is not a key of ${placeName(parent, base)}${ignored}`,
    path: formatPath([...base, ...path]),
    text: shownName(key),
    ...(nearest !== undefined && { nearest }),
  };
}

const mergeKey = "<< (merge) is not part of YAML 1.2; write the keys, or put them under defaults";

function placeName(parent: Path, base: Path): string {
  const names = [...base, ...parent].filter((key) => typeof key === "string");
  const last = names.at(-1);
  if (last === undefined) return "the configuration";
  if (parent.length === 0 && base.length > 0) return last === "services" ? "a service" : "an environment";
  return last;
}

function valueProblem(issue: Issue, node: Located | undefined, { root, base }: Checked): ConfigProblem {
  const path = pathOf(issue);
  const name = nameOf(path, base);
  const missing = node === undefined && issue.code !== "invalid_key";
  const value = node?.kind === "scalar" ? node : undefined;
  const choices = choicesOf(issue);
  const nearest = choices && value && nearestName(value.text, choices);
  const text = value && textOf(value.text, path);
  const demand = portDemand(issue, path) ?? wants(issue, choices);
  return {
    ...(issue.code === "invalid_key" ? keyPositionAt(root, path) : positionAt(root, path)),
    severity: "error",
    code: "config_invalid",
    message: missing ? `${name} is missing; it ${demand}` : `${name} ${demand}`,
    path: formatPath([...base, ...path]),
    ...(text !== undefined && { text }),
    ...(nearest !== undefined && { nearest }),
  };
}

/** An entry of a list is called after the list. */
function nameOf(path: Path, base: Path): string {
  const full = [...base, ...path];
  const last = full.at(-1);
  if (last === undefined) return "the configuration";
  if (typeof last === "string") return shownName(last);
  const list = String(full.at(-2) ?? "the list");
  return path.length === 0 ? `this entry of ${list}` : `an entry of ${list}`;
}

/** A value as it may be shown: never that of a field that may hold a secret. */
function textOf(text: string, path: Path): string | undefined {
  return templateUse(path.join(".")) === "ordinary" ? shownText(text, path.join(".")) : undefined;
}

function choicesOf(issue: Issue): string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code !== "invalid_union" || !("options" in issue) || !Array.isArray(issue.options)) return undefined;
  return issue.options.filter((option) => typeof option === "string");
}

/** A port is wrong in one way, whichever bound or type it misses. */
function portDemand(issue: Issue, path: Path): string | undefined {
  const key = path.join(".");
  if (!/(?:^|[._])port$/.test(key) || issue.code === "custom") return undefined;
  if (key === "local_port") return "must be a port: a whole number from 1 to 65535, or 0 for any free one";
  const orName = issue.code === "invalid_union" ? ", or the name of one" : "";
  return `must be a port: a whole number from 1 to 65535${orName}`;
}

function wants(issue: Issue, choices: readonly string[] | undefined): string {
  if (choices) return `must be ${choices.length === 1 ? "" : "one of "}${choices.join(", ")}`;
  switch (issue.code) {
    case "invalid_type":
      return `must be ${kinds[issue.expected] ?? "something else"}`;
    case "invalid_union":
      return `must be ${unionKinds(issue.errors).join(" or ")}`;
    case "too_small":
      return small(issue);
    case "too_big":
      return issue.origin === "array" ? `takes at most ${issue.maximum} entries` : `must be at most ${issue.maximum}`;
    case "invalid_format":
      return issue.format === "starts_with" && "prefix" in issue
        ? `must start with ${String(issue.prefix)}`
        : notValid(issue.message);
    case "invalid_key":
      return `is no valid name here: ${issue.issues[0]?.message ?? "expected another one"}`;
    case "custom":
      return notValid(issue.message);
    default:
      return "is not valid";
  }
}

const notValid = (message: string): string => (message.startsWith("must ") ? message : `is not valid: ${message}`);

function small(issue: Extract<Issue, { code: "too_small" }>): string {
  if (issue.origin === "string") return "must not be empty";
  return issue.origin === "array" ? `needs at least ${issue.minimum} entry` : `must be at least ${issue.minimum}`;
}

const kinds: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys and values",
  record: "a map of keys and values",
};

const unionKinds = (branches: readonly (readonly Issue[])[]): string[] => [
  ...new Set(
    branches.flatMap((issues) => issues.map((issue) => wants(issue, choicesOf(issue)).replace(/^must be /, ""))),
  ),
];
