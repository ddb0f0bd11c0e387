import type { Remedy } from "#domain/diagnosis/remedies.ts";
import type { Answer, NextStep } from "#application/surface/tool-definition.ts";
import { fence } from "#application/surface/untrusted.ts";

/** For a person or a client that shows only text; what is longer stands in `structuredContent`. */
const textLimit = 6000;
const mostRows = 20;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const inWords = (key: string): string => key.replaceAll("_", " ");

/** A value on one line: `ready, port 5432, verified (ago_s 0, by redis PING)`. */
function onLine(value: unknown): string {
  if (Array.isArray(value)) return value.map(onLine).join(", ");
  if (!isRecord(value)) return String(value);
  return Object.entries(value)
    .filter(([key]) => key !== "untrusted")
    .map(([key, item]) => (isRecord(item) ? `${inWords(key)} (${onLine(item)})` : `${inWords(key)} ${onLine(item)}`))
    .join(", ");
}

function listed(rows: readonly unknown[]): string[] {
  const lines = rows.slice(0, mostRows).map((row) => `- ${onLine(row)}`);
  if (rows.length > mostRows) lines.push(`- and ${rows.length - mostRows} more`);
  return lines;
}

/** The lines of one fact; a table (`columns`, `rows`) is read row by row. */
function factLines(key: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : [`${inWords(key)}:`, ...listed(value)];
  if (isRecord(value) && Array.isArray(value["columns"]) && Array.isArray(value["rows"])) {
    const columns = value["columns"].map(String);
    const rows = value["rows"].map((row: unknown) =>
      Array.isArray(row) ? Object.fromEntries(row.map((cell, at) => [columns[at] ?? String(at), cell])) : row,
    );
    return rows.length === 0 ? [] : [`${inWords(key)}:`, ...listed(rows)];
  }
  return [`${inWords(key)}: ${onLine(value)}`];
}

/** Every untrusted text of an answer, wherever it stands, behind its own fence. */
function fenced(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(fenced);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    if (key !== "untrusted") return fenced(item);
    if (!isRecord(item)) return [fence("unknown source", onLine(item))];
    const source = typeof item["source"] === "string" ? item["source"] : "unknown source";
    const { source: _source, ...rest } = item;
    const text = typeof rest["text"] === "string" ? rest["text"] : Object.values(rest).map(onLine).join("\n");
    return [fence(source, text)];
  });
}

function userStepLine(step: Remedy): string {
  const what =
    step.command === undefined ? [step.what, step.where].filter(Boolean).join(" at ") : `\`${step.command}\``;
  const changes = step.changes === undefined ? "" : `; changes ${step.changes}`;
  return `For the user: ${step.do} ${what}${step.why === undefined ? "" : ` (${step.why}${changes})`}`;
}

const nextStepLine = (step: NextStep): string => `Next: ${step.tool} ${JSON.stringify(step.arguments)} (${step.why})`;

const clip = (text: string): string =>
  text.length <= textLimit ? text : `${text.slice(0, textLimit)}\n… (the rest stands in the structured answer)`;

/** A short text of the same facts as the answer, for people; never the JSON again. Takes an answer that is shaped already. */
export function answerText(answer: Answer): string {
  const { summary, error, user_steps: userSteps = [], next_steps: nextSteps = [], ...facts } = answer;
  const lines = [summary];
  if (isRecord(error)) lines.push(...factLines("error", error));
  for (const [key, value] of Object.entries(facts)) if (key !== "untrusted") lines.push(...factLines(key, value));
  lines.push(...fenced({ ...facts, error }), ...userSteps.map(userStepLine), ...nextSteps.map(nextStepLine));
  return clip(lines.join("\n"));
}
