import { Composer, LineCounter, type ParsedNode } from "yaml";
import type { ConfigProblem, Position } from "#domain/spec/configuration.ts";
import { maskVariables } from "./localport-variables.ts";
import type { Dialect } from "./located.ts";
import { yamlSentence } from "./yaml-errors.ts";
import { readTokens } from "./yaml-tokens.ts";

export interface YamlText {
  /** `undefined`: nothing but comments. All scalars are text still. */
  readonly root: ParsedNode | undefined;
  readonly problems: readonly ConfigProblem[];
  readonly positionOf: (offset: number) => Position;
  /** Puts LocalPort's variables back into a piece of text. */
  readonly restore: (piece: string) => string;
}

/** Parse errors beyond this many say nothing more. */
const mostProblems = 20;
const tooDeep = "values are nested deeper than 100 levels; no configuration needs that";
const tooMany = "the file holds too many values; split it into several configurations";

/**
 * Parses a YAML text into nodes with their places. Keys may come twice and values have no type yet: dialects differ in
 * both. Takes time in proportion to the text, whatever it holds.
 */
export function readYaml(source: string, dialect: Dialect): YamlText {
  const { text, restore } = dialect === "localport" ? maskVariables(source) : { text: source, restore: String };
  const lines = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = (position: Position, message: string): ConfigProblem => ({
    ...position,
    severity: "error",
    code: "config_invalid",
    message,
    path: "",
  });
  const unreadable = (position: Position, message: string): YamlText => ({
    root: undefined,
    problems: [problem(position, message)],
    positionOf,
    restore,
  });
  const bad = badCharacter(text);
  if (bad !== undefined) return unreadable(placeIn(text, bad), "a control character stands here; remove it");
  const read = readTokens(text, lines);
  if (!read.ok) {
    return unreadable(positionOf(read.offset), read.reason === "too_deep" ? tooDeep : tooMany);
  }
  // `failsafe`: all scalars are text, typed later, after references are replaced. Equal keys are looked for later too:
  // the parser compares each with each.
  const composer = new Composer({
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    strict: dialect === "portwright",
    logLevel: "silent",
  });
  const [document, second] = composer.compose(read.tokens, true, text.length);
  const problems = (document?.errors ?? [])
    .slice(0, mostProblems)
    .map(({ code, pos, message }) => problem(positionOf(pos[0]), hinted(yamlSentence(code, message), text, pos[0])));
  if (second) problems.push(problem(positionOf(second.range[0]), yamlSentence("MULTIPLE_DOCS")));
  return { root: document?.contents ?? undefined, problems, positionOf, restore };
}

/** A reference inside `{…}` or `[…]` without quotes is the usual cause where one stands. */
function hinted(sentence: string, text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineEnd = text.indexOf("\n", offset);
  const line = text.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).slice(0, 2000);
  return /[[{,].*\$\{/.test(line) ? `${sentence} (inside brackets, put "\${…}" in quotes)` : sentence;
}

function badCharacter(text: string): number | undefined {
  // eslint-disable-next-line no-control-regex
  const index = text.search(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/);
  return index < 0 ? undefined : index;
}

function placeIn(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}
