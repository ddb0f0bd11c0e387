/** One variable with its value, secrets resolved. */
export interface RenderedVariable {
  readonly name: string;
  readonly value: string;
}

/** Forms in which an environment's variables are handed to programs. */
export const exportFormats = ["dotenv", "shell", "json"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/**
 * Variables as text. A name that comes twice keeps its last value, as in an environment. Names are those of the
 * configuration (letters, digits, `_`), values are any text; what a form cannot carry is escaped so that reading it back
 * gives the same text.
 *
 * - `dotenv`: `NAME="value"` a line, as the dotenv libraries and `docker compose` read it;
 * - `shell`: `export NAME='value'` a line, for `eval` in any POSIX shell;
 * - `json`: one object.
 *
 * A NUL cannot stand in a variable: what is behind it is left out in every form.
 */
export function renderExports(variables: readonly RenderedVariable[], format: ExportFormat): string {
  const values = new Map(variables.map(({ name, value }) => [name, value.split("\0")[0] ?? ""]));
  switch (format) {
    case "dotenv":
      return lines(values, (name, value) => `${name}=${dotenvValue(value)}`);
    case "shell":
      return lines(values, (name, value) => `export ${name}=${shellValue(value)}`);
    case "json":
      return `${JSON.stringify(Object.fromEntries(values), undefined, 2)}\n`;
  }
}

const lines = (values: ReadonlyMap<string, string>, line: (name: string, value: string) => string): string =>
  [...values].map(([name, value]) => `${line(name, value)}\n`).join("");

/** Nothing in single quotes means anything to a shell but the quote itself. */
const shellValue = (value: string): string =>
  /^[\w@%+:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;

/**
 * Plain where that is safe. Else in single quotes, where no reader looks for variables or escapes; a text that has them
 * itself, or line breaks, in double quotes with `\n`, `\r`, `\"`, `\\` and `\$`.
 */
function dotenvValue(value: string): string {
  if (/^[\w@%+:,./?&=-]*$/.test(value)) return value;
  if (!/['\r\n\\]/.test(value)) return `'${value}'`;
  const escaped = value
    .replaceAll(/[\\"$]/g, String.raw`\$&`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\r", String.raw`\r`);
  return `"${escaped}"`;
}
