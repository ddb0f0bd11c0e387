import { describe, expect, test } from "vitest";
import { infer, type Walk } from "#domain/diagnosis/inference.ts";
import { sameCause, type Place } from "#domain/diagnosis/same-cause.ts";
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
      ({ failure: { code: "credentials_expired", message: "expired", facts: { context } } }) as const;
    expect(sameCause(expired("staging"), expired("staging"))).toBe(true);
    expect(sameCause(expired("staging"), expired("dev"))).toBe(false);
  });
  const here: Place = { ssh_server: "bastion:22", reaches: "db:5432", namespace: "shop", asked: "service/api" };
  const there: Place = { ssh_server: "bastion:2222", reaches: "db:5432", namespace: "data", asked: "service/api" };
  test.each<[code: ErrorCode, facts: Record<string, string>, elsewhere: boolean]>([
    ["host_unreachable", {}, false],
    ["ssh_authentication_failed", { user: "me" }, false],
    ["ssh_forwarding_prohibited", {}, false],
    ["ssh_key_missing", { key_file: "~/.ssh/id" }, true],
    ["ssh_agent_unavailable", {}, true],
    ["workspace_untrusted", {}, true],
    ["target_unreachable", {}, false],
    ["namespace_missing", { context: "staging" }, false],
    ["resource_missing", {}, false],
    ["scaled_to_zero", { workload: "deployment/api" }, false],
    ["no_matching_pods", { quota: "small" }, false],
    ["variable_missing", { variables: "A" }, true],
  ])("%s is one cause at one place; at another one too: %s → %s", (code, facts, elsewhere) => {
    const failure = { code, message: "", facts };
    expect(sameCause({ failure, place: here }, { failure, place: here })).toBe(true);
    expect(sameCause({ failure, place: here }, { failure, place: there })).toBe(elsewhere);
  });
  test("what two services say of themselves is two causes", () => {
    for (const code of [
      "application_auth_failed",
      "database_missing",
      "local_port_in_use",
      "service_disabled",
    ] as const) {
      const failure = { code, message: "" };
      expect(sameCause({ failure, place: here }, { failure, place: here })).toBe(false);
    }
  });
  test("a hop fails for what its own server fails for", () => {
    const at = { host: "bastion", port: 22 };
    const jump = {
      code: "ssh_jump_failed",
      message: "",
      facts: { hop: "bastion", because: "host_unreachable", ...at },
    } as const;
    const own = { code: "host_unreachable", message: "", facts: at } as const;
    expect(sameCause({ failure: jump, place: there }, { failure: own })).toBe(true);
    expect(sameCause({ failure: jump }, { failure: { ...own, facts: { ...at, port: 23 } } })).toBe(false);
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
