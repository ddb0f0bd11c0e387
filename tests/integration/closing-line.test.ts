import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "closing-line-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const reporter = resolve("tests/support/closing-line-reporter.ts");

/** A whole run of vitest over these files, in a process of its own. */
const run = (
  files: Readonly<Record<string, string>>,
  ...options: readonly string[]
): { status: number | null; lines: string[] } => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { status, stdout } = spawnSync(
    process.execPath,
    [resolve("node_modules/vitest/vitest.mjs"), "run", "--reporter=default", `--reporter=${reporter}`, ...options],
    { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
  );
  return { status, lines: stdout.trimEnd().split("\n") };
};

describe("the closing line of a test run", () => {
  test("[project-test-skips] counts, and says what was skipped and why, last of all", () => {
    const { status, lines } = run({
      "some.test.ts": `
        import { describe, expect, test } from "vitest";
        test("passes", () => expect(1).toBe(1));
        test("fails", () => expect(1).toBe(2));
        describe.skipIf(true)("SSH (needs TB_SSH_PORT)", () => {
          describe("inner", () => { test("a", () => {}); test("b", () => {}); });
        });
        test("says it itself", (context) => context.skip("no IPv6 here"));
      `,
      "broken.test.ts": `throw new Error("cannot be loaded");`,
    });
    expect(status).toBe(1);
    expect(lines.slice(-4)).toEqual([
      "3 skipped:",
      "  some.test.ts: SSH (needs TB_SSH_PORT) (2 tests)",
      "  some.test.ts: no IPv6 here (1 test)",
      "1 passed, 2 failed",
    ]);
  });

  test("too little coverage fails a run whose tests pass, and is said before the closing line", () => {
    const files = {
      "half.ts": "export const half = (way: boolean): string => {\n  if (way) return 'one';\n  return 'other';\n};\n",
      "half.test.ts": `
        import { expect, test } from "vitest";
        import { half } from "./half.ts";
        test("covers a part", () => expect(half(true)).toBe("one"));
      `,
    };
    const coverage = ["--coverage.enabled", "--coverage.reporter=text-summary", "--coverage.include=half.ts"];
    const enough = run(files, ...coverage, "--coverage.thresholds.lines=10");
    expect(enough.status).toBe(0);
    expect(enough.lines.at(-1)).toBe("1 passed, 0 failed");
    const { status, lines } = run(files, ...coverage, "--coverage.thresholds.lines=90");
    expect(status).toBe(1);
    expect(lines.some((line) => /^Lines\s+: 66.66%/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe("1 passed, 1 failed");
  });
});
