import { describe, expect, test } from "vitest";
import type { Pod } from "#domain/kubernetes/pod.ts";
import { parseSelector, requirementsOf, selectorText } from "#domain/kubernetes/label-selector.ts";
import { pruneSlice, type EndpointSlice } from "#adapters/kubernetes/target/endpoint-slice.ts";
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
    expect(targetState(target(wanted), { object: service({ ports }), pods: [pod("a")] }).candidates).toMatchObject([
      { pod: "a", uid: "a", port, ready: true, endCuts: true },
    ]);
  });

  test("a headless service leads to its target port, or to its own number where a container has that", () => {
    const headless = service({ ports: [...ports, { port: 8080, targetPort: 9 }], clusterIP: "None" });
    const portOf = (wanted: number | string): number | undefined =>
      targetState(target(wanted), { object: headless, pods: [pod("a")] }).candidates[0]?.port;
    expect([80, "web", 8080].map(portOf)).toEqual([8080, 8080, 8080]);
  });

  test.each([
    [target(81), "target_port_missing"],
    [target("wbe"), "target_port_missing"],
    [target(53), "not_supported"],
  ])("%j is refused", (wanted, code) => {
    expect(targetState(wanted, { object: service({ ports }), pods: [pod("a")] }).failure?.code).toBe(code);
  });

  test("a mistyped port name is answered with the nearest", () => {
    expect(targetState(target("wb"), { object: service({ ports }), pods: [pod("a")] }).failure?.facts).toMatchObject({
      nearest: "web",
      ports: ["web:80", "db:5432", "dns:53"],
    });
  });

  test("workloads and pods name a number or a container port", () => {
    expect(targetState(target("db", "deployment"), { object: service({}), pods: [pod("a")] }).candidates[0]?.port).toBe(
      5432,
    );
    expect(targetState(target(9999, "deployment"), { object: service({}), pods: [pod("a")] }).candidates[0]?.port).toBe(
      9999,
    );
    expect(targetState(target("nope", "deployment"), { object: service({}), pods: [pod("a")] }).failure?.code).toBe(
      "target_port_missing",
    );
  });

  test("the newest ready pod comes first, unready ones only where that is meant", () => {
    const pods = [pod("old"), pod("unready", false, "2026-03-01T00:00:00Z"), pod("new", true, "2026-02-01T00:00:00Z")];
    expect(targetState(target(80), { object: service({ ports }), pods }).candidates.map((one) => one.pod)).toEqual([
      "new",
      "old",
    ]);
    expect(targetState({ ...target(80, "pod"), name: "a" }, { pods: [pod("a", false)] }).candidates[0]).toMatchObject({
      pod: "a",
      ready: false,
    });
    expect(targetState(target(80), { object: service({ ports }), pods: [pod("a", false)] }).failure?.code).toBe(
      "pod_not_ready",
    );
    expect(
      targetState(target(80), { object: service({ ports, publishNotReadyAddresses: true }), pods: [pod("a", false)] })
        .candidates,
    ).toHaveLength(1);
  });

  test("no pods", () => {
    expect(targetState(target(80), { object: service({ ports }), pods: [] }).failure?.code).toBe("no_matching_pods");
    expect(targetState(target(80, "deployment"), { object: service({ replicas: 0 }), pods: [] }).failure?.code).toBe(
      "scaled_to_zero",
    );
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
    expect(targetState(byLabels, { pods }).candidates.map((one) => one.pod)).toEqual(["a"]);
    const narrowed = { ...target(80, "deployment"), selector };
    expect(targetState(narrowed, { object: service({}), pods }).candidates.map((one) => one.pod)).toEqual(["a"]);
    expect(targetState(byLabels, { pods: [] }).failure).toMatchObject({ code: "no_matching_pods" });
  });

  test.each(["", "app=", "a/b/c=d", "app=web,", "in (a)", "app in a", "app=web;rm", "a".repeat(5000)])(
    "%j is a selector only if kubectl takes it",
    (text) => expect(parseSelector(text) !== undefined).toBe(text === "app="),
  );

  test("[kubernetes-ordinal] one pod of a StatefulSet, ready or not", () => {
    const ordinal = { ...target(80, "statefulset"), ordinal: 1 };
    const three = service({ replicas: 3 });
    expect(targetState(ordinal, { object: three, pods: [pod("web-0"), pod("web-1", false)] }).candidates[0]?.pod).toBe(
      "web-1",
    );
    expect(targetState(ordinal, { object: three, pods: [pod("web-0")] }).failure?.message).toContain(
      "pod web-1 of statefulset web",
    );
    expect(targetState({ ...ordinal, ordinal: 3 }, { object: three, pods: [] }).failure?.message).toContain(
      "ordinals are 0 to 2",
    );
    const shifted = service({ replicas: 2, ordinals: { start: 3 } });
    expect(targetState(ordinal, { object: shifted, pods: [] }).failure?.facts).toMatchObject({
      first_ordinal: 3,
      last_ordinal: 4,
    });
  });
});

describe("[kubernetes-slices] EndpointSlices say which pods of a service take connections", () => {
  const endpoint = (name: string, ready?: boolean, uid = name) => ({
    addresses: ["10.0.0.1"],
    ...(ready !== undefined && { conditions: { ready } }),
    targetRef: { kind: "Pod", name, uid },
  });
  const slice = (...endpoints: ReturnType<typeof endpoint>[]): EndpointSlice => ({
    metadata: { name: "web-x1" },
    endpoints,
    ports: [{ name: "web", port: 8081 }],
  });
  const leaving = (name: string): Pod => ({
    ...pod(name),
    metadata: { name, uid: name, deletionTimestamp: "2026-01-01T00:00:00Z" },
  });
  const named = (pods: readonly Pod[], ...slices: EndpointSlice[]): unknown =>
    targetState(target("web"), { object: service({ ports, selector: { app: "web" } }), pods, slices }).candidates.map(
      (one) => one.pod,
    );

  test("what they call ready is, whatever the pod says; unknown is ready; what goes away is not", () => {
    const pods = [pod("a"), pod("b", false), pod("c"), leaving("d")];
    const slices = slice(endpoint("a", false), endpoint("b", true), endpoint("c"), endpoint("d", true));
    expect(named(pods, slices)).toEqual(["b", "c"]);
    expect(named(pods, slice(endpoint("a", false)), slice(endpoint("a", true)))).toEqual(["a"]);
  });

  test("their port is the pod's own", () => {
    const { candidates } = targetState(target("web"), {
      object: service({ ports, selector: { app: "web" } }),
      pods: [pod("a")],
      slices: [slice(endpoint("a"))],
    });
    expect(candidates[0]?.port).toBe(8081);
  });

  test("without slices the pods tell, and publishNotReadyAddresses", () => {
    expect(named([pod("a"), pod("b", false)])).toEqual(["a"]);
  });

  test("a pod that the watch does not know yet is taken by its slice", () => {
    const { candidates } = targetState(target("web"), {
      object: service({ ports, selector: { app: "web" } }),
      pods: [],
      slices: [slice(endpoint("new", true, "uid-new"))],
    });
    expect(candidates).toMatchObject([{ pod: "new", uid: "uid-new", port: 8081, ready: true }]);
  });

  test("what they say of a StatefulSet's last pod is not true of the next of that name", () => {
    expect(named([pod("web-0")], slice(endpoint("web-0", true, "of-before")))).toEqual([]);
  });

  test("a selector narrows them too", () => {
    const requirements = parseSelector("track=canary") ?? [];
    const narrowed = { ...target("web"), selector: { text: "track=canary", requirements } };
    const canary: Pod = { ...pod("b"), metadata: { name: "b", uid: "b", labels: { track: "canary" } } };
    const state = targetState(narrowed, {
      object: service({ ports, selector: { app: "web" } }),
      pods: [pod("a"), canary],
      slices: [slice(endpoint("a"), endpoint("b"))],
    });
    expect(state.candidates.map((one) => one.pod)).toEqual(["b"]);
  });

  test("none ready: why not is the pods' to tell; addresses outside are no pods", () => {
    const object = service({ ports, selector: { app: "web" } });
    const unready = targetState(target("web"), {
      object,
      pods: [pod("a", false)],
      slices: [slice(endpoint("a", false))],
    });
    expect(unready.failure).toMatchObject({ code: "pod_not_ready", facts: { pod: "a" } });
    const outside = {
      metadata: { name: "x" },
      endpoints: [{ addresses: ["192.0.2.7"] }],
      ports: [{ name: "web", port: 1 }],
    };
    expect(
      targetState(target("web"), { object: service({ ports }), pods: [], slices: [outside] }).failure,
    ).toMatchObject({
      code: "service_without_selector",
      facts: { addresses: ["192.0.2.7"] },
    });
    expect(targetState(target("web"), { object, pods: [], slices: [slice()] }).failure?.code).toBe("no_matching_pods");
  });

  test("only what is looked at is kept of them", () => {
    const whole = {
      metadata: { name: "x", labels: { "kubernetes.io/service-name": "web", other: "1" }, managedFields: ["…"] },
      addressType: "IPv4",
      endpoints: [{ addresses: ["a", "b"], nodeName: "n", hints: {}, targetRef: { kind: "Pod", name: "p", uid: "u" } }],
      ports: null,
    };
    expect(JSON.stringify(pruneSlice(whole))).toBe(
      '{"metadata":{"name":"x","labels":{"kubernetes.io/service-name":"web"}},"endpoints":[{"addresses":["a"],"targetRef":{"kind":"Pod","name":"p","uid":"u"}}],"ports":[]}',
    );
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
