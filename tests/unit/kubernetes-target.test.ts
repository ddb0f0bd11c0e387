import { describe, expect, test } from "vitest";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { selectorText } from "#adapters/kubernetes/target/label-selector.ts";
import { targetState, type Target } from "#adapters/kubernetes/target/target-state.ts";
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
const target = (remotePort: number | string, kind = "service"): Target => ({
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
    expect(targetState(target(80, "pod"), undefined, [pod("a", false)]).candidates[0]).toMatchObject({
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
    expect(
      selectorText({
        matchLabels: { b: "2", a: "1" },
        matchExpressions: [
          { key: "tier", operator: "In", values: ["x", "y"] },
          { key: "old", operator: "DoesNotExist" },
          { key: "new", operator: "Exists" },
          { key: "zone", operator: "NotIn", values: ["z"] },
        ],
      }),
    ).toBe("a=1,b=2,tier in (x,y),!old,new,zone notin (z)");
    expect(selectorText({})).toBeUndefined();
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
