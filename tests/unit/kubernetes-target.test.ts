import { describe, expect, test } from "vitest";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { parseSelector, requirementsOf, selectorText } from "#domain/kubernetes/label-selector.ts";
import { targetState } from "#adapters/kubernetes/target/target-state.ts";
import type { Target } from "#adapters/kubernetes/target/target.ts";
import type { TargetObject } from "#adapters/kubernetes/target/target-kinds.ts";
import { chooseTunnel, tunnelsToDial } from "#adapters/kubernetes/wire/pool-policy.ts";

const pod = (name: string, ready = true, created = "2026-01-01T00:00:00Z"): Pod => ({
  metadata: { name, uid: name, creationTimestamp: created },
  spec: {
    containers: [
      { name: "main", ports: [{ name: "http", containerPort: 8080 }] },
      { name: "side", ports: [{ name: "db", containerPort: 5432 }] },
    ],
  },
  status: {
    phase: "Running",
    conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    containerStatuses: [{ name: "main", ready, containerID: "containerd://1", state: { running: {} } }],
  },
});
const service = (spec: TargetObject["spec"]): TargetObject => ({
  metadata: { name: "web" },
  ...(spec !== undefined && { spec }),
});
const target = (remotePort: number | string, kind: Target["kind"] = "service"): Target => ({
  kind,
  name: "web",
  namespace: "default",
  remotePort,
});
const ports = [
  { name: "web", port: 80, targetPort: "http" },
  { name: "db", port: 5432 },
  { name: "dns", port: 53, protocol: "UDP" },
];

describe("where connections to a target go", () => {
  test.each([
    [80, 8080],
    ["web", 8080],
    [5432, 5432],
    ["db", 5432],
  ])("service port %s is container port %i", (wanted, port) => {
    expect(targetState(target(wanted), service({ ports }), [pod("a")]).candidates).toMatchObject([
      { pod: "a", uid: "a", port, ready: true, endCuts: true },
    ]);
  });

  test("a headless service does not translate", () => {
    expect(targetState(target(80), service({ ports, clusterIP: "None" }), [pod("a")]).candidates[0]?.port).toBe(80);
  });

  test.each([
    [target(81), "target_port_missing"],
    [target("wbe"), "target_port_missing"],
    [target(53), "not_supported"],
  ])("%j is refused", (wanted, code) => {
    expect(targetState(wanted, service({ ports }), [pod("a")]).failure?.code).toBe(code);
  });

  test("a mistyped port name is answered with the nearest", () => {
    expect(targetState(target("wb"), service({ ports }), [pod("a")]).failure?.facts).toMatchObject({
      nearest: "web",
      ports: ["web:80", "db:5432", "dns:53"],
    });
  });

  test("workloads and pods name a number or a container port", () => {
    expect(targetState(target("db", "deployment"), service({}), [pod("a")]).candidates[0]?.port).toBe(5432);
    expect(targetState(target(9999, "deployment"), service({}), [pod("a")]).candidates[0]?.port).toBe(9999);
    expect(targetState(target("nope", "deployment"), service({}), [pod("a")]).failure?.code).toBe(
      "target_port_missing",
    );
  });

  test("the newest ready pod comes first, unready ones only where that is meant", () => {
    const pods = [pod("old"), pod("unready", false, "2026-03-01T00:00:00Z"), pod("new", true, "2026-02-01T00:00:00Z")];
    expect(targetState(target(80), service({ ports }), pods).candidates.map((one) => one.pod)).toEqual(["new", "old"]);
    expect(targetState({ ...target(80, "pod"), name: "a" }, undefined, [pod("a", false)]).candidates[0]).toMatchObject({
      pod: "a",
      ready: false,
    });
    expect(targetState(target(80), service({ ports }), [pod("a", false)]).failure?.code).toBe("pod_not_ready");
    expect(
      targetState(target(80), service({ ports, publishNotReadyAddresses: true }), [pod("a", false)]).candidates,
    ).toHaveLength(1);
  });

  test("no pods", () => {
    expect(targetState(target(80), service({ ports }), []).failure?.code).toBe("no_matching_pods");
    expect(targetState(target(80, "deployment"), service({ replicas: 0 }), []).failure?.code).toBe("scaled_to_zero");
  });

  test("selectors are written as the API wants them", () => {
    const selector = {
      matchLabels: { b: "2", a: "1" },
      matchExpressions: [
        { key: "tier", operator: "In", values: ["x", "y"] },
        { key: "old", operator: "DoesNotExist" },
        { key: "new", operator: "Exists" },
        { key: "zone", operator: "NotIn", values: ["z"] },
      ],
    };
    expect(selectorText(requirementsOf(selector))).toBe("!old,a=1,b=2,new,tier in (x,y),zone notin (z)");
  });

  test("[kubernetes-selector] a selector narrows a name, and stands alone", () => {
    const requirements = parseSelector("app=web,tier in (front, back),env!=prod,!canary");
    const labelled = (name: string, labels: Record<string, string>): Pod => ({
      ...pod(name),
      metadata: { name, uid: name, labels },
    });
    const pods = [
      labelled("a", { app: "web", tier: "front" }),
      labelled("b", { app: "web", tier: "side" }),
      labelled("c", { app: "web", tier: "back", env: "prod" }),
      labelled("d", { app: "web", tier: "back", canary: "" }),
      labelled("e", { tier: "back" }),
    ];
    const selector = { text: "…", requirements: requirements ?? [] };
    const byLabels: Target = { kind: "pod", namespace: "default", remotePort: 80, selector };
    expect(targetState(byLabels, undefined, pods).candidates.map((one) => one.pod)).toEqual(["a"]);
    const narrowed = { ...target(80, "deployment"), selector };
    expect(targetState(narrowed, service({}), pods).candidates.map((one) => one.pod)).toEqual(["a"]);
    expect(targetState(byLabels, undefined, []).failure).toMatchObject({ code: "no_matching_pods" });
  });

  test.each(["", "app=", "a/b/c=d", "app=web,", "in (a)", "app in a", "app=web;rm", "a".repeat(5000)])(
    "%j is a selector only if kubectl takes it",
    (text) => expect(parseSelector(text) !== undefined).toBe(text === "app="),
  );

  test("[kubernetes-ordinal] one pod of a StatefulSet, ready or not", () => {
    const ordinal = { ...target(80, "statefulset"), ordinal: 1 };
    const three = service({ replicas: 3 });
    expect(targetState(ordinal, three, [pod("web-0"), pod("web-1", false)]).candidates[0]?.pod).toBe("web-1");
    expect(targetState(ordinal, three, [pod("web-0")]).failure?.message).toContain("pod web-1 of statefulset web");
    expect(targetState({ ...ordinal, ordinal: 3 }, three, []).failure?.message).toContain("ordinals are 0 to 2");
    const shifted = service({ replicas: 2, ordinals: { start: 3 } });
    expect(targetState(ordinal, shifted, []).failure?.facts).toMatchObject({ first_ordinal: 3, last_ordinal: 4 });
  });
});

describe("the choice of a tunnel", () => {
  const limits = { maxTunnels: 3, spares: [1, 2] as const, idleMs: 1000 };
  const load = (streams: number, more: { stalled?: boolean; queued?: number } = {}) => ({
    streams,
    stalled: false,
    queued: 0,
    ...more,
  });

  test.each([
    ["an idle one", [load(2), load(0)], 0, 0, { use: 1 }],
    ["one of its own while there may be more", [load(1)], 0, 0, "dial"],
    ["one that is on its way", [load(1)], 1, 0, "wait"],
    ["another one when those on their way are spoken for", [load(1)], 1, 1, "dial"],
    ["the least loaded beyond the limit", [load(2), load(1), load(3)], 0, 0, { use: 1 }],
    ["none that stands still", [load(1, { stalled: true }), load(5), load(6)], 0, 0, { use: 1 }],
    ["none with a bulk transfer", [load(1, { queued: 1e6 }), load(5), load(6)], 0, 0, { use: 1 }],
    [
      "a blocked one when there is nothing else",
      [load(3, { stalled: true }), load(1, { stalled: true }), load(2, { stalled: true })],
      0,
      0,
      { use: 1 },
    ],
    ["the first one when there is none", [], 0, 0, "dial"],
    ["the first one that comes", [], 3, 3, "wait"],
  ] as const)("takes %s", (_what, tunnels, dialing, waiting, choice) => {
    expect(chooseTunnel(tunnels, dialing, waiting, limits)).toEqual(choice);
  });

  test("spares are dialled ahead up to the limit, more where many come", () => {
    expect(tunnelsToDial([load(1)], 0, limits)).toBe(1);
    expect(tunnelsToDial([load(1)], 1, limits)).toBe(0);
    expect(tunnelsToDial([load(1), load(0)], 0, limits)).toBe(0);
    expect(tunnelsToDial([load(1), load(1), load(1)], 0, limits)).toBe(0);
    expect(
      tunnelsToDial(
        Array.from({ length: 9 }, () => load(1)),
        0,
        { ...limits, maxTunnels: 20 },
      ),
    ).toBe(2);
  });
});
