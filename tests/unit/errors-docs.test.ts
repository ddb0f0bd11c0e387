import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errorCatalogue, type CatalogueEntry } from "#domain/error-catalogue.ts";

interface Section {
  readonly code: string;
  readonly facts: string;
  readonly text: string;
}

const sectionsOf = (page: string): Section[] =>
  [...page.matchAll(/^### `([a-z_]+)`\n\n(.*)\n([\s\S]*?)(?=^##|(?![\s\S]))/gm)].map(
    ([, code = "", facts = "", text = ""]) => ({
      code,
      facts: facts.replace(" · not raised yet", ""),
      text,
    }),
  );

const factsOf = ({ rung, side, retryable, shows }: CatalogueEntry): string =>
  `Rung \`${rung}\` · side \`${side}\` · ${retryable ? "retried" : "not retried"} · shows \`${shows}\``;

/** Where a page and a catalogue differ. */
function differences(page: string, catalogue: Readonly<Record<string, CatalogueEntry>>): string[] {
  const sections = sectionsOf(page);
  const documented = sections.map(({ code }) => code);
  return [
    ...Object.keys(catalogue)
      .filter((code) => !documented.includes(code))
      .map((code) => `${code} has no section`),
    ...documented.filter((code) => !(code in catalogue)).map((code) => `${code} is no code of the catalogue`),
    ...documented.filter((code, index) => documented.indexOf(code) !== index).map((code) => `${code} has two sections`),
    ...sections.flatMap(({ code, facts, text }) => {
      const entry = catalogue[code];
      if (!entry) return [];
      return [
        ...(facts === factsOf(entry) ? [] : [`${code}: the page says ${facts}, the catalogue ${factsOf(entry)}`]),
        ...["- **Detected:** ", "- **Fix:** ", "- **Example:** "]
          .filter((part) => !text.includes(part))
          .map((part) => `${code} lacks ${part}`),
      ];
    }),
  ];
}

const page = readFileSync("docs/errors.md", "utf8");
const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts") && !/error-catalogue|remedies/.test(name))
  .map((name) => readFileSync(`src/${name}`, "utf8"))
  .join("\n");

describe("docs/errors.md", () => {
  test("[project-errors-documented] has one section for each code of the catalogue, and says what the catalogue says", () => {
    expect(differences(page, errorCatalogue)).toEqual([]);
  });
  test("what it calls not raised yet is not raised", () => {
    const later = [...page.matchAll(/^### `([a-z_]+)`\n\n.* · not raised yet$/gm)].map(([, code = ""]) => code);
    expect(later.filter((code) => sources.includes(`"${code}",`))).toEqual([]);
  });
  test("the comparison can fail, both ways", () => {
    const entry: CatalogueEntry = { rung: "ssh", side: "you", retryable: true, shows: "failed" };
    const text = `### \`a\`\n\n${factsOf(entry)}\n\n- **Detected:** x\n- **Fix:** y\n- **Example:** z\n\n### \`b\`\n\nRung\n\n- **Fix:** y\n`;
    expect(differences(text, { a: entry, b: entry, c: entry })).toEqual([
      "c has no section",
      `b: the page says Rung, the catalogue ${factsOf(entry)}`,
      "b lacks - **Detected:** ",
      "b lacks - **Example:** ",
    ]);
    expect(differences(text, { a: entry })).toEqual(["b is no code of the catalogue"]);
  });
});
