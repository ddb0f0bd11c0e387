import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assertNextStepsValid } from "../../support/next-steps.ts";
import { needsCluster, needsSsh } from "../../support/testbed.ts";
import { loadFaults, rowOf, runFaults, scoreOf, type FaultResult } from "./run-faults.ts";
import { staged } from "./stage.ts";

const faults = await loadFaults((process.env["FAULTS"] ?? "").split(",").filter((word) => word !== ""));

describe.skipIf(!staged)(`staged faults ${staged ? "" : `${needsCluster} ${needsSsh}`}`, () => {
  const results = new Map<string, FaultResult>();

  beforeAll(async () => {
    await runFaults(faults, (result) => {
      results.set(result.name, result);
      process.stderr.write(`${rowOf(result)}\n`);
    });
  }, 600_000);
  afterAll(() => {
    process.stderr.write(`${scoreOf([...results.values()]).join("\n")}\n`);
  });

  test.each([...faults].map(([name, { title, code }]) => [name, title, code ?? "nothing"] as const))(
    "[fault] %s: %s → %s",
    (name) => {
      const result = results.get(name);
      expect(result?.problems).toEqual([]);
      if (result?.answer) assertNextStepsValid(result.answer);
    },
  );
});
