import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pending, requirements } from "../requirements.ts";

/** Ids at the start of a title: `"[spine-ping] start, …"`, several of them as well. */
const citationsIn = (source: string): string[] =>
  [...source.matchAll(/["'`]((?:\[[a-z][a-z0-9-]*\] )+)/g)].flatMap(([, ids = ""]) =>
    [...ids.matchAll(/\[([a-z0-9-]+)\]/g)].map(([, id = ""]) => id),
  );

interface Gate {
  readonly required: readonly string[];
  readonly pending: readonly string[];
  readonly cited: readonly string[];
}

/** What is wrong between promises, tests, and the list of those without one. */
function gaps({ required, pending: waiting, cited }: Gate): string[] {
  return [
    ...required.filter((id) => !cited.includes(id) && !waiting.includes(id)).map((id) => `no test cites ${id}`),
    ...cited.filter((id) => !required.includes(id)).map((id) => `a test cites ${id}, which is no requirement`),
    ...waiting.filter((id) => cited.includes(id)).map((id) => `${id} is cited: take it out of pending`),
    ...waiting.filter((id) => !required.includes(id)).map((id) => `${id} is pending, and no requirement`),
  ];
}

const testFiles = readdirSync("tests", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts") || name.endsWith("-contract.ts"))
  .filter((name) => !name.endsWith("requirements.test.ts"))
  .map((name) => readFileSync(`tests/${name}`, "utf8"));

describe("every promise", () => {
  test("is cited by a test, or stands in pending with its reason", () => {
    const cited = [...new Set(testFiles.flatMap((source) => citationsIn(source)))];
    expect(gaps({ required: Object.keys(requirements), pending: Object.keys(pending), cited })).toEqual([]);
    for (const reason of Object.values(pending)) expect(reason.length).toBeGreaterThan(20);
  });
});

describe("the gate can fail", () => {
  test("at a promise without a test, an unknown id, and a list that is out of date", () => {
    expect(gaps({ required: ["a", "b", "c"], pending: ["b", "c", "d"], cited: ["c", "x"] })).toEqual([
      "no test cites a",
      "a test cites x, which is no requirement",
      "c is cited: take it out of pending",
      "d is pending, and no requirement",
    ]);
  });
  test("citations are read where titles start", () => {
    expect(
      citationsIn(`test("[one-two] works", …); test(\`[three] [four] both\`); key("[host]:22 x"); x[0] "a [b] c"`),
    ).toEqual(["one-two", "three", "four"]);
  });
});
