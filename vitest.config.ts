import { defineConfig } from "vitest/config";
import { isWholeRun } from "./tests/support/whole-run.ts";

const whole = isWholeRun(process.argv.slice(2), process.env);

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    environment: "node",
    reporters: ["default", "./tests/support/closing-line-reporter.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two more tries, a while later, where other work runs beside, on real servers; the run says which tests needed one.
    ...(process.env["CI"] === "true" && { retry: { count: 2, delay: 2000 } }),
    coverage: {
      provider: "v8",
      include: ["src/**", "tools/**", "resources/**", "prompts/**"],
      exclude: ["src/main.ts"],
      // A part of the tests covers a part of the code: only a whole run measures, and fails below the promised figure.
      ...(whole && { enabled: true, reporter: ["text-summary"], reportOnFailure: true, thresholds: { lines: 90 } }),
    },
  },
});
