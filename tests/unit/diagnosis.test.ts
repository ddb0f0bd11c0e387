import { describe, expect, test } from "vitest";
import { infer, sameCause, type Walk } from "#domain/diagnosis/inference.ts";
import { ladderWithFailure } from "#domain/diagnosis/ladder.ts";
import type { ErrorCode, Rung } from "#domain/error-catalogue.ts";

const walk = (service: string, broken?: [Rung, ErrorCode], dependencies: Walk[] = []): Walk => ({
  service,
  confirmed: true,
  dependencies,
  ...(broken && { rung: broken[0], failure: { code: broken[1], message: `${service} is broken` } }),
});

describe("inference", () => {
  test("nothing is found where nothing is wrong", () => {
    expect(infer(walk("web", undefined, [walk("api")]))).toEqual({ symptoms: [], others: [] });
  });
  test("a service's own broken path is its own cause, whatever its dependencies do", () => {
    const inference = infer(walk("web", ["ssh", "host_unreachable"], [walk("api", ["target", "target_unreachable"])]));
    expect(inference.root).toMatchObject({ service: "web", rung: "ssh" });
    expect(inference.others).toMatchObject([{ service: "api" }]);
  });
  test("a bad answer of a service whose dependency is broken is a symptom, two services away as well", () => {
    const cache = walk("cache", ["target", "target_unreachable"]);
    const api = walk("api", ["application", "application_unhealthy"], [cache]);
    const inference = infer(walk("web", ["application", "application_unhealthy"], [api]));
    expect(inference.root).toMatchObject({ service: "cache", failure: { code: "target_unreachable" } });
    expect(inference.symptoms.map(({ service }) => service)).toEqual(["web", "api"]);
  });
  test("a healthy service with a broken dependency is not failing; the other is told beside it", () => {
    const inference = infer(walk("web", undefined, [walk("api", ["target", "target_unreachable"])]));
    expect(inference.root).toBeUndefined();
    expect(inference.others).toHaveLength(1);
  });
  test("what lies below a healthy dependency is told beside, and each cause once", () => {
    const cache = walk("cache", ["target", "target_unreachable"]);
    const inference = infer(
      walk("web", ["ssh", "host_unreachable"], [walk("api", undefined, [cache]), walk("b", undefined, [cache])]),
    );
    expect(inference.root).toMatchObject({ service: "web" });
    expect(inference.others).toMatchObject([{ service: "cache" }]);
  });
  test("a waiting service is explained by what it waits for, and by itself when that is well", () => {
    const db = walk("db", ["ssh", "host_unreachable"]);
    expect(infer(walk("web", ["relation", "dependency_failed"], [db])).root).toMatchObject({ service: "db" });
    expect(infer(walk("web", ["relation", "dependency_failed"], [walk("db")])).root).toMatchObject({ service: "web" });
  });
  test("a wide and deep mesh of dependencies takes no time", () => {
    let below = [walk("leaf", ["target", "target_unreachable"])];
    for (let depth = 0; depth < 40; depth++)
      below = ["a", "b", "c"].map((name) => walk(`${name}${depth}`, undefined, below));
    expect(infer(walk("top", ["application", "application_unhealthy"], below)).others).toHaveLength(1);
  });
  test("the same code about the same thing is one cause", () => {
    const expired = (context: string) =>
      ({ code: "credentials_expired", message: "expired", facts: { context } }) as const;
    expect(sameCause(expired("staging"), expired("staging"))).toBe(true);
    expect(sameCause(expired("staging"), expired("dev"))).toBe(false);
  });
});

describe("the ladder", () => {
  test("holds before the failure and is not checked behind it", () => {
    const failure = { code: "host_key_unknown", message: "unknown" } as const;
    expect(ladderWithFailure("ssh", "ssh", failure, 12).map(({ rung, status }) => `${rung} ${status}`)).toEqual([
      "configuration ok",
      "local_port ok",
      "ssh failed",
      "credentials not_checked",
      "target not_checked",
      "application not_checked",
    ]);
  });
});
