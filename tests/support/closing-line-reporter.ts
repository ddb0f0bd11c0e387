import { writeSync } from "node:fs";
import type { Reporter, TestCase, TestModule, TestSuite } from "vitest/node";

/** What a run came to; `failed` counts what failed outside any test too, so that it is never 0 in a run that failed. */
interface Totals {
  passed: number;
  failed: number;
  /** Why, by file, and how many tests that leaves out. */
  readonly skipped: Map<string, number>;
}

/**
 * Ends a run with which tests were skipped and why, and the line `N passed, N failed`, after everything else that vitest
 * prints. The reason is the note of `context.skip(note)`, else the title of the outermost suite that is skipped as a
 * whole, which by our convention says it: `describe.skipIf(!port)("SSH (needs TB_SSH_PORT)", …)`.
 */
export default class ClosingLineReporter implements Reporter {
  #totals: Totals | undefined;

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    // A coverage report comes after this hook, and a watching run ends again and again.
    if (this.#totals === undefined) process.once("exit", (code) => this.#close(code));
    this.#totals = count(modules, unhandledErrors);
  }

  /** Coverage below its threshold fails a run in which no test does. */
  #close(code: number): void {
    if (this.#totals === undefined) return;
    if (code !== 0 && this.#totals.failed === 0) this.#totals.failed = 1;
    writeSync(1, `${closingLines(this.#totals).join("\n")}\n`);
  }
}

function count(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): Totals {
  const totals: Totals = { passed: 0, failed: unhandledErrors.length, skipped: new Map() };
  for (const module of modules) {
    const before = totals.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === "passed") totals.passed += 1;
      else if (state === "failed") totals.failed += 1;
      else {
        const reason = `${module.relativeModuleId}: ${reasonOf(test)}`;
        totals.skipped.set(reason, (totals.skipped.get(reason) ?? 0) + 1);
      }
    }
    // A file that cannot be loaded, or a hook that throws, fails without a test that does.
    if (module.state() === "failed" && totals.failed === before) totals.failed += 1;
  }
  return totals;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  if (result.state === "skipped" && result.note !== undefined) return result.note;
  let outermost: TestCase | TestSuite = test;
  for (let parent = test.parent; parent.type === "suite"; parent = parent.parent) {
    if (parent.state() === "skipped") outermost = parent;
  }
  return outermost.name;
}

function closingLines({ passed, failed, skipped }: Totals): string[] {
  const reasons = [...skipped].map(([reason, tests]) => `  ${reason} (${tests} ${tests === 1 ? "test" : "tests"})`);
  const all = [...skipped.values()].reduce((sum, tests) => sum + tests, 0);
  return [...(all > 0 ? [`${all} skipped:`, ...reasons.toSorted()] : []), `${passed} passed, ${failed} failed`];
}
