import { describe, expect, test } from "vitest";
import { isWholeRun } from "../support/whole-run.ts";

describe("line coverage is asked of", () => {
  const env = { TB_SSH_CLIENT_DIR: "/testbed/ssh", TESTBED_KUBECONFIG: "/testbed/kubeconfig" };

  test.each([
    ["the whole run", ["run"], env, true],
    ["the whole run, with a report", ["run", "--coverage", "--coverage.reporter=text"], env, true],
    ["no part of it", ["run", "tests/unit"], env, false],
    ["no test by name", ["run", "-t", "hello"], env, false],
    ["no watching run", [], env, false],
    ["no run without the cluster", ["run"], { ...env, TESTBED_KUBECONFIG: undefined }, false],
    ["no run without the testbed's SSH", ["run"], { ...env, TB_SSH_CLIENT_DIR: "" }, false],
  ])("%s", (_what, words, environment, expected) => {
    expect(isWholeRun(words, environment)).toBe(expected);
  });
});
