/** Readers for answers of tools, which come over the wire: whatever has another shape is left out. */

export type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const fields = (value: unknown): Fields => (isFields(value) ? value : {});
export const list = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);

/** Text or a number as text; anything else is "". */
export const text = (value: unknown): string =>
  typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : "";

/** `verified {by, ms}` in words: `redis PING, 8 ms`. */
export function verification(value: unknown): string {
  const { by, ms } = fields(value);
  return [text(by), typeof ms === "number" ? `${ms} ms` : ""].filter(Boolean).join(", ");
}

/** What the person should do: one line a step. */
export function stepLines(answer: Fields): string[] {
  return list(answer["user_steps"]).map((step) => {
    const what = [step["command"], step["where"], step["what"]].map(text).filter(Boolean).join(": ");
    return `→ ${text(step["do"])} ${what}${step["why"] === undefined ? "" : ` (${text(step["why"])})`}`;
  });
}

/** Text from outside, marked as such. */
export function untrustedLines(answer: Fields): string[] {
  const { source, text: said } = fields(answer["untrusted"]);
  if (text(said) === "") return [];
  return [
    `from ${text(source)}:`,
    ...text(said)
      .split("\n")
      .map((line) => `  | ${line}`),
  ];
}

/** An error's code and cause, where the answer is one. */
export function errorLines(answer: Fields): string[] {
  const { code, likely_cause: cause } = fields(answer["error"]);
  return text(code) === "" ? [] : [`${text(code)}${text(cause) === "" ? "" : `: ${text(cause)}`}`];
}

export const summaryOf = (answer: Fields): string => text(answer["summary"]);
