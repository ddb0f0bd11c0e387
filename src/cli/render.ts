import type { Invocation } from "./command.ts";
import { printable } from "./printable.ts";

/** An answer laid out for a person. */
export interface Sheet {
  readonly summary: string;
  readonly columns?: readonly string[];
  /** As wide as `columns`; an empty cell is "". */
  readonly rows?: readonly (readonly string[])[];
  /** What follows the table: variables, steps, evidence. */
  readonly lines?: readonly string[];
}

/** Prints an answer in the form that was asked for: data as it is, or the sheet. */
export async function render(invocation: Invocation, answer: object, sheet: () => Sheet): Promise<void> {
  const { output, stdout, env } = invocation;
  if (output === "json") {
    stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } else if (output === "yaml") {
    stdout.write((await import("./render-yaml.ts")).toYaml(answer));
  } else {
    const colour = output === "table" && stdout.isTTY === true && !env["NO_COLOR"];
    stdout.write(output === "table" ? tableSheet(sheet(), colour) : textSheet(sheet()));
  }
}

/** One fact a line, cells separated by tabs, "-" for an empty one: for grep, cut and awk. */
export function textSheet({ summary, rows = [], lines = [] }: Sheet): string {
  const cells = rows.map((row) => row.map((cell) => oneLine(cell) || "-").join("\t"));
  return [printable(summary), ...cells, ...lines.map(printable)].map((line) => `${line}\n`).join("");
}

/** A table with its headings, then what follows it, then the summary. */
export function tableSheet({ summary, columns = [], rows = [], lines = [] }: Sheet, colour: boolean): string {
  const parts: string[][] = [];
  if (rows.length > 0) {
    const all = [columns.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(oneLine))];
    const widths = columns.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
    parts.push(
      all.map((row) =>
        row
          .map((cell, column) => painted(cell, cell.padEnd(widths[column] ?? 0), colour))
          .join("  ")
          .trimEnd(),
      ),
    );
  }
  if (lines.length > 0) parts.push(lines.map(printable));
  parts.push([printable(summary)]);
  return parts.map((part) => `${part.join("\n")}\n`).join("\n");
}

const oneLine = (cell: string): string => printable(cell).replaceAll(/\s+/g, " ");

const paints: Readonly<Record<string, number>> = {
  ready: 32,
  ok: 32,
  starting: 33,
  waiting: 33,
  partial: 33,
  failed: 31,
};

const painted = (word: string, cell: string, colour: boolean): string =>
  colour && Object.hasOwn(paints, word) ? `\u001b[${paints[word]}m${cell}\u001b[0m` : cell;
