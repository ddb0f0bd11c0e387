import { fields, list, text, type Fields } from "./answer-fields.ts";
import { printable } from "./printable.ts";

const names = (value: unknown): string => (Array.isArray(value) ? value.map(text).join(", ") : "");

/** A plan as a person reads it before they agree: what it changes, what it does to what runs, why it is asked about. */
export function planLines(plan: Fields): string[] {
  const impact = fields(plan["impact"]);
  const act = (label: string, key: string): string[] => {
    const found = names(impact[key]);
    return found === "" ? [] : [`${label}: ${found}`];
  };
  const broken = text(impact["breaks_connections"]);
  return [
    text(plan["summary"]),
    "",
    ...list(plan["changes"]).flatMap((change) => [
      `${text(change["op"])} ${text(change["id"])} (${text(change["file"])})`,
      ...text(change["yaml"])
        .trimEnd()
        .split("\n")
        .filter(Boolean)
        .map((line) => `    ${line}`),
      ...(text(change["resolved"]) === "" ? [] : [`    → ${text(change["resolved"])}`]),
    ]),
    ...list(plan["unreached"]).map((row) => `would not come up: ${text(row["service"])}: ${text(row["message"])}`),
    ...act("starts", "starts"),
    ...act("restarts", "restarts"),
    ...act("stops", "stops"),
    ...(broken === "" || broken === "0" ? [] : [`breaks open connections: ${broken}`]),
    `risk: ${text(plan["risk"])}${names(plan["reasons"]) === "" ? "" : `, because ${names(plan["reasons"])}`}`,
    ...keyLines(list(plan["trusts"])),
  ].map(printable);
}

/** Keys that run programs or read secrets, one a line. */
export const keyLines = (keys: readonly Fields[]): string[] =>
  keys.length === 0
    ? []
    : [
        "these keys run programs or read secrets of this machine:",
        ...keys.map((key) => printable(`    ${text(key["where"])}  ${text(key["key"])}: ${text(key["text"])}`)),
      ];
