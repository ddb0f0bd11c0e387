import { describe, expect, test } from "vitest";
import { stillNeeded } from "#domain/still-needed.ts";

const needs: Readonly<Record<string, readonly string[]>> = { api: ["db"], web: ["db"], admin: ["api"] };
const dependsOn = (name: string): readonly string[] => needs[name] ?? [];
const needed = (stopping: string[], wanted: string[], environments: { name: string; services: string[] }[] = []) =>
  Object.fromEntries(stillNeeded(stopping, { wanted: new Set(wanted), environments, dependsOn }));

describe("[environment-several] what of an environment is still needed", () => {
  test("what another wanted service depends on, over several steps", () => {
    expect(needed(["api", "db"], ["api", "db"])).toEqual({});
    expect(needed(["api", "db"], ["api", "db", "web"])).toEqual({ db: ["web"] });
    expect(needed(["api", "db"], ["api", "db", "admin"])).toEqual({ api: ["admin"], db: ["admin"] });
  });

  test("what another environment shares that is up as a whole", () => {
    const environments = [
      { name: "one", services: ["db", "cache"] },
      { name: "two", services: ["cache", "mail"] },
      { name: "all", services: ["db", "cache", "mail"] },
    ];
    expect(needed(["db", "cache"], ["db", "cache", "mail"], environments)).toEqual({ cache: ["environment two"] });
    expect(needed(["db", "cache"], ["db", "cache"], environments)).toEqual({});
    // Who stops all of it means all of it.
    expect(needed(["db", "cache", "mail"], ["db", "cache", "mail"], environments)).toEqual({});
  });
});
