import { describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { errorCatalogue, type ErrorCode } from "#domain/error-catalogue.ts";
import { answerText } from "../../src/server/mcp/answer-text.ts";
import { shapeAnswer } from "../../src/server/mcp/answer-shape.ts";
import { errorAnswer } from "../../src/server/mcp/error-answer.ts";
import { tools } from "../../src/server/mcp/registry.ts";
import { assertNextStepsValid } from "../support/next-steps.ts";

const known = new Set(tools.map(({ name }) => name));

describe("an answer", () => {
  test("holds what JSON can hold, and nothing else", () => {
    const cycle: Record<string, unknown> = { a: 1 };
    cycle["self"] = cycle;
    const shaped = shapeAnswer(
      { summary: "s", at: new Date(0), big: 10n, gone: undefined, nan: Number.NaN, run: () => 1, nil: null, cycle },
      known,
    );
    expect(shaped).toMatchObject({ summary: "s", at: "1970-01-01T00:00:00.000Z", big: "10" });
    expect(Object.keys(shaped)).toEqual(["summary", "at", "big", "cycle"]);
    expect(JSON.stringify(shaped).length).toBeLessThan(1000);
  });

  test("keeps to about 8,000 tokens by losing rows, and says so", () => {
    const rows = Array.from({ length: 5000 }, (_, at) => ({ at, text: "x".repeat(50) }));
    const shaped = shapeAnswer({ summary: "s", rows, next_steps: [] }, known);
    expect(JSON.stringify(shaped).length).toBeLessThan(33_000);
    expect((shaped["rows"] as unknown[]).length).toBeGreaterThan(200);
    expect(shaped["cut"]).toMatch(/^\d+ entries left out/);
    expect(Object.keys(shaped).at(-1)).toBe("next_steps");
  });

  test("names at most three next steps, of tools that are there", () => {
    const step = (tool: string) => ({ tool, arguments: {}, why: "w" });
    const steps = ["no_such_tool", "get_status", "diagnose", "get_status", "query"].map(step);
    expect(shapeAnswer({ summary: "s", next_steps: steps }, known).next_steps?.map(({ tool }) => tool)).toEqual([
      "get_status",
      "diagnose",
      "get_status",
    ]);
  });

  test("has every text below untrusted cleaned, wherever it stands", () => {
    const shaped = shapeAnswer(
      {
        summary: "s",
        root_cause: { untrusted: { source: "log", lines: ["\u001B[31mpassword=x"] } },
        untrusted: "\u0007bell",
      },
      known,
    );
    expect(shaped).toMatchObject({ root_cause: { untrusted: { lines: ["password=***"] } }, untrusted: "bell" });
    const text = answerText(shaped);
    expect(text).toContain("| password=***");
    expect(text).toContain("| bell");
  });
});

test("every code of the catalogue makes an error answer whose next steps are complete", () => {
  for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
    for (const facts of [{}, { service: "db", operation: "op-1", process: "node" }]) {
      const answer = shapeAnswer(errorAnswer(new ConnectivityError(code, "it failed", facts), "get_status"), known);
      expect(answer).toMatchObject({ summary: "It failed.", error: { code, tried: "get_status" } });
      expect((answer["error"] as { likely_cause: string }).likely_cause).toMatch(/\S/);
      assertNextStepsValid(answer);
      for (const tool of tools) expect(tool.output.safeParse(answer).success).toBe(true);
    }
  }
});

test("a table is told row by row", () => {
  const text = answerText({
    summary: "dev: 1 of 2 ready.",
    ready: { columns: ["service", "port"], rows: [["db", 5432]] },
    not_ready: Array.from({ length: 25 }, (_, at) => ({ service: `s${at}`, state: "failed" })),
    user_steps: [{ do: "edit", where: "deployment a", what: "memory: 512Mi", why: "w", changes: "the cluster" }],
  });
  expect(text).toContain("- service db, port 5432");
  expect(text).toContain("- and 5 more");
  expect(text).toContain("For the user: edit memory: 512Mi at deployment a (w; changes the cluster)");
});
