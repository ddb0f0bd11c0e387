import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Fact, FactKind, FactKinds } from "#domain/diagnosis/fact.ts";
import { confidenceOf } from "#domain/diagnosis/findings/finding.ts";
import { explain } from "#domain/diagnosis/findings/explain.ts";
import { namedServices } from "#domain/diagnosis/findings/named-services.ts";
import { infer } from "#domain/diagnosis/inference.ts";
import { errorCatalogue, type ErrorCode } from "#domain/error-catalogue.ts";
import type { Failure } from "#domain/connectivity-error.ts";
import type { DetailedPod, Workload } from "#domain/kubernetes/detail.ts";

const nowMs = Date.parse("2026-11-25T10:00:00Z");
const at = (secondsAgo: number): string => new Date(nowMs - secondsAgo * 1000).toISOString();

const yes = <K extends FactKind>(kind: K, data: FactKinds[K], truth: "yes" | "no" = "yes"): Fact =>
  ({ kind, rung: "workload", source: "test", atMs: nowMs, truth, data }) as Fact;

interface PodKeys {
  readonly spec?: DetailedPod["spec"];
  readonly status?: DetailedPod["status"];
  readonly ready?: boolean;
  readonly name?: string;
}
const pod = ({ name = "api-7c9d8f6b5-x2", ready = false, spec = {}, status = {} }: PodKeys): DetailedPod => ({
  metadata: {
    name,
    namespace: "shop",
    creationTimestamp: at(600),
    labels: { app: "api" },
    ownerReferences: [{ kind: "ReplicaSet", name: "api-7c9d8f6b5" }],
  },
  spec: { containers: [{ name: "main", image: "api:2" }], ...spec },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }], ...status },
});
const crashed = (exitCode: number, reason = "Error"): DetailedPod["status"] => ({
  containerStatuses: [
    {
      name: "main",
      restartCount: 4,
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode, reason, finishedAt: at(20) } },
    },
  ],
});
const about = (code: ErrorCode, message = "it fails"): Failure => ({ code, message });
const root = (symptom: Failure, ...facts: Fact[]) => explain({ symptom, facts, nowMs }).root;

describe("findings about a workload", () => {
  test("[diagnosis-evidence] a kill for memory has its limit, its restarts, and what a rollout changed just before", () => {
    const limits = { resources: { limits: { memory: "256Mi" } } };
    const spec = { containers: [{ name: "main", image: "api:2", ...limits }] };
    const before = { containers: [{ name: "main", image: "api:1", ...limits }] };
    const { failure, evidence, changes } = root(
      about("application_unhealthy"),
      yes("pods", { pods: [pod({ spec, status: crashed(137, "OOMKilled") })] }),
      yes("revisions", {
        owner: "deployment/api",
        revisions: [
          { name: "api-7c9d8f6b5", number: 2, createdMs: nowMs - 60_000, spec },
          { name: "api-5d", number: 1, createdMs: nowMs - 600_000, spec: before },
        ],
      }),
    );
    expect(failure).toMatchObject({
      code: "container_oom_killed",
      facts: { workload: "deployment/api", rolled_out: true },
    });
    expect(failure.message).toContain("256Mi");
    expect(evidence).toContainEqual(
      expect.objectContaining({ fact: "last termination", value: "OOMKilled, exit 137, 4 restarts" }),
    );
    expect(changes).toMatchObject([{ what: "image changed: api:1 → api:2" }]);
  });
  test("no pods: scaled to zero, a quota, or a selector with its nearest miss", () => {
    const object = yes("object", { kind: "service", name: "api", selector: { app: "api", tier: "web" } });
    const labels = { app: "api", tier: "web" };
    const workload = (keys: Partial<Workload>): Workload => ({
      kind: "Deployment",
      metadata: { name: "api" },
      ...keys,
      spec: { template: { metadata: { labels } }, ...keys.spec },
    });
    const none = yes("pods", { pods: [] }, "no");
    const symptom = about("no_matching_pods", "service api has no pods");
    const zero = root(
      symptom,
      object,
      none,
      yes("workloads", { workloads: [workload({ spec: { replicas: 0, template: { metadata: { labels } } } })] }),
    );
    expect(zero.failure).toMatchObject({ code: "scaled_to_zero", facts: { workload: "deployment/api" } });
    const message = "pods forbidden: exceeded quota: small";
    const refused = {
      status: { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }] },
    };
    const quota = root(
      symptom,
      object,
      none,
      yes("workloads", {
        workloads: [
          workload({ kind: "ReplicaSet", ...refused, spec: { replicas: 1, template: { metadata: { labels } } } }),
        ],
      }),
      yes("quotas", { quotas: [{ quota: "small", resource: "pods", hard: "5", used: "5" }] }),
    );
    expect(quota.failure).toMatchObject({ code: "no_matching_pods", facts: { quota: "small" } });
    expect(quota.failure.message).toContain("pods: 5 of 5 used");
    const miss = root(
      symptom,
      object,
      none,
      yes("labels", { owners: [{ name: "api-1", labels: { app: "api", tier: "webb" } }] }),
    );
    expect(miss.failure.message).toContain("tier: web is asked, webb is there");
  });
  test("no node: labels, size and claims in numbers, and the scheduler's counts where nodes may not be read", () => {
    const scheduled = (message: string): DetailedPod["status"] => ({
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }],
    });
    const spec = {
      nodeSelector: { disk: "ssd" },
      containers: [{ name: "main", resources: { requests: { cpu: "8" } } }],
    };
    const node = { name: "n1", ready: true, unschedulable: false, labels: {}, taints: [], allocatable: { cpu: "2" } };
    const said = "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {a: b}.";
    const seen = root(
      about("pod_unschedulable"),
      yes("pods", { pods: [pod({ spec, status: scheduled(said) })] }),
      yes("nodes", { nodes: [node] }),
    );
    expect(seen.failure.facts).toMatchObject({
      nodes: 1,
      nodes_without_label: 1,
      cpu_asked: "8",
      cpu_of_largest_node: "2",
    });
    const unseen = root(about("pod_unschedulable"), yes("pods", { pods: [pod({ status: scheduled(said) })] }));
    expect(unseen.failure.facts).toMatchObject({ nodes_short_of_cpu: 2, nodes_tainted: 1 });
  });
  test("one ill pod of several is not why the others answer badly, unless it is the one that answered", () => {
    const pods = yes("pods", {
      pods: [pod({ name: "api-1", status: crashed(1) }), pod({ name: "api-2", ready: true })],
    });
    expect(root(about("application_unhealthy"), pods).failure.code).toBe("application_unhealthy");
    const { root: blamed } = explain({ symptom: about("application_unhealthy"), facts: [pods], nowMs, pod: "api-1" });
    expect(blamed.failure.code).toBe("container_crashing");
  });
  test("what the target said itself is not explained away", () => {
    const pods = yes("pods", { pods: [pod({ status: crashed(1) })] });
    for (const code of ["database_missing", "application_auth_failed", "certificate_expired"] as const)
      expect(root(about(code), pods).failure.code).toBe(code);
  });
  test("an upstream that nobody declared is found by the variable that names it, the deepest one first", () => {
    const upstream = (service: string, pods: readonly DetailedPod[]) => ({
      service,
      namespace: "shop",
      named: "variable API_URL",
      exists: true,
      pods,
    });
    const facts = [
      yes("pods", { pods: [pod({ ready: true })] }),
      yes("upstreams", {
        upstreams: [
          upstream("api", [pod({ status: crashed(1) })]),
          upstream("db", [pod({ status: crashed(137, "OOMKilled") })]),
        ],
      }),
    ];
    const { root: found } = explain({ symptom: about("application_unhealthy"), facts, nowMs });
    expect(found.failure).toMatchObject({ code: "container_oom_killed", facts: { upstream: "db" } });
  });
});

describe("services that settings name", () => {
  const env = (value: string, name = "API_URL"): DetailedPod[] => [
    pod({ spec: { containers: [{ name: "main", env: [{ name, value }] }] } }),
  ];
  const known = [
    { name: "api", address: "10.0.0.7" },
    { name: "db", address: undefined },
  ];
  test.each([
    ["http://api:8080/x", ["api"]],
    ["postgres://u:p@db.shop.svc.cluster.local:5432/app", ["db"]],
    ["10.0.0.7:80", ["api"]],
    ["110.0.0.7:80", []],
    ["http://aip:8080", ["aip"]],
    ["https://api.example.com", []],
    ["http://localhost:1", []],
    ["rapid", []],
  ])("%s → %j", (value, services) => {
    expect(namedServices(env(value), known, "shop").map(({ service }) => service)).toEqual(services);
  });
  test("a word that is a service's name counts only where an address is expected", () => {
    expect(namedServices(env("api", "MODE"), known, "shop")).toEqual([]);
    expect(namedServices(env("api", "UPSTREAM_HOST"), known, "shop")).toMatchObject([{ service: "api" }]);
  });
});

describe("the network's findings", () => {
  const tcp = (errno?: string): Fact =>
    yes(
      "tcp",
      { host: "10.1.1.1", port: 6443, ...(errno !== undefined && { errno }) },
      errno === undefined ? "yes" : "no",
    );
  const kubeconfig = yes("kubeconfig", { context: "c", server: "https://10.1.1.1:6443", user: "u", plugin: "aws" });
  const named = yes("name", { host: "10.1.1.1", addresses: ["10.1.1.1"] });
  test("a plugin that hangs, an API server that does not answer, and no network are told apart", () => {
    const late = about("operation_timed_out");
    const hangs = yes("authentication", { user: "u", hangs: true }, "no");
    expect(root(late, kubeconfig, named, tcp(), hangs).failure.code).toBe("credential_plugin_failed");
    expect(root(late, kubeconfig, named, tcp("ETIMEDOUT"), hangs).failure).toMatchObject({
      code: "cluster_unreachable",
    });
    expect(root(late, kubeconfig, named, tcp("ENETUNREACH"), yes("interfaces", { count: 0 }, "no")).failure.code).toBe(
      "offline",
    );
    const name = yes("name", { host: "api.example", addresses: [], errno: "ENOTFOUND" }, "no");
    expect(root(late, kubeconfig, name).failure.message).toContain("api.example could not be resolved");
  });
});

describe("every inference", () => {
  const data: { readonly [K in FactKind]?: FactKinds[K][] } = {
    pods: [{ pods: [] }, { pods: [pod({ status: crashed(1) })] }, { pods: [pod({ ready: true })] }],
    tcp: [
      { host: "h", port: 1 },
      { host: "h", port: 1, errno: "ECONNREFUSED" },
    ],
    name: [{ host: "h", addresses: [] }],
    interfaces: [{ count: 0 }],
    authentication: [{ user: "u", hangs: true }],
    object: [{ kind: "service", name: "api", selector: { app: "api" } }],
    neighbours: [{ way: "context c", ready: ["a"], unwell: [] }],
    local_port: [{ port: 1, pid: 2 }],
    link: [{ state: "failed" }],
  };
  const fact = fc
    .constantFrom(...Object.entries(data).flatMap(([kind, all]) => all.map((one) => [kind, one] as const)))
    .chain(([kind, one]) => fc.constantFrom("yes", "no").map((truth) => yes(kind as FactKind, one as never, truth)));
  const codes = Object.keys(errorCatalogue) as ErrorCode[];
  test("[diagnosis-one-root] has at most one root, with a confidence between 0 and 0.99, whatever the facts", () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.array(fact), fc.boolean(), (code, facts, confirmed) => {
        const { rung } = errorCatalogue[code];
        const walk = { service: "it", rung, failure: about(code), confirmed, dependencies: [], facts, nowMs };
        const first = infer(walk);
        expect(first.root?.confidence).toBeGreaterThan(0);
        expect(first.root?.confidence).toBeLessThanOrEqual(0.99);
        expect(infer(walk)).toEqual(first);
      }),
    );
  });
  test("finds nothing where the walk found nothing, but for a port that is taken", () => {
    const walk = { service: "it", confirmed: true, dependencies: [], nowMs };
    const pods = yes("pods", { pods: [pod({ status: crashed(1) })] });
    expect(infer({ ...walk, facts: [pods] }).root).toBeUndefined();
    const taken = yes("local_port", { port: 5432, pid: 7, program: "postgres" }, "no");
    expect(infer({ ...walk, facts: [taken] }).root).toMatchObject({ failure: { code: "local_port_in_use" } });
  });
  test("is surer the more kinds of witnesses there are, and each counts once", () => {
    expect(confidenceOf(["walk"])).toBe(0.85);
    expect(confidenceOf(["walk", "walk"])).toBe(0.85);
    expect(confidenceOf(["walk", "status"])).toBe(0.98);
    expect(confidenceOf(["named"])).toBe(0.5);
  });
});
