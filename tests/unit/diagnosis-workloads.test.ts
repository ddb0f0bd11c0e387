import { describe, expect, test } from "vitest";
import type { Failure } from "#domain/connectivity-error.ts";
import type { Fact, FactKind, FactKinds } from "#domain/diagnosis/fact.ts";
import { foreignServices, namedServices } from "#domain/diagnosis/findings/named-services.ts";
import { nearestMiss } from "#domain/diagnosis/findings/nearest-miss.ts";
import { explainNoPods } from "#domain/diagnosis/findings/no-pods.ts";
import { explainScheduling } from "#domain/diagnosis/findings/scheduling.ts";
import { explainVolume } from "#domain/diagnosis/findings/volume.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import type { DetailedPod, DetailedPodSpec, Volume, Workload } from "#domain/kubernetes/detail.ts";
import { podFailure } from "#domain/kubernetes/pod-condition.ts";

const fact = <K extends FactKind>(kind: K, data: FactKinds[K]): Fact =>
  ({ kind, rung: "workload", source: "test", atMs: 0, truth: "yes", data }) as Fact;
const labels = { app: "api" };
const none: Failure = { code: "no_matching_pods", message: "it has no pods" };
const maker = (kind: string, spec: Workload["spec"], status: Workload["status"] = {}): Workload => ({
  kind,
  metadata: { name: "api" },
  spec: { ...spec, template: { metadata: { labels }, ...spec?.template } },
  status,
});
const noPods = (workload: Workload, ...facts: Fact[]): Failure =>
  explainNoPods(none, [
    fact("object", { kind: workload.kind.toLowerCase(), name: "api", selector: labels }),
    fact("workloads", { workloads: [workload] }),
    ...facts,
  ]).failure;
const node = { name: "n", ready: true, unschedulable: false, labels: { zone: "a" }, taints: [], allocatable: {} };
const pod = (spec: DetailedPodSpec, status: DetailedPod["status"] = {}): DetailedPod => ({
  metadata: { name: "api-1" },
  spec,
  status,
});

describe("a workload that makes no pods", () => {
  test("a job that is held back, one that gave up, and one that is done", () => {
    expect(noPods(maker("Job", { suspend: true }))).toMatchObject({ code: "scaled_to_zero", facts: { suspend: true } });
    const failed = { type: "Failed", status: "True", reason: "DeadlineExceeded", message: "too long" };
    expect(noPods(maker("Job", {}, { conditions: [failed] }))).toMatchObject({
      code: "pod_gone",
      message: "job api has failed (DeadlineExceeded), and has no pod any more",
      untrusted: "too long",
    });
    const done = noPods(maker("Job", {}, { conditions: [{ type: "Complete", status: "True" }] }));
    expect(done.message).toBe("job api has done its work, and has no pod any more");
    expect(noPods(maker("Job", {})).code).toBe("no_matching_pods");
    const [step] = remediesFor(noPods(maker("Job", { suspend: true })), { namespace: "shop" });
    expect(step?.command).toBe(`kubectl -n shop patch job/api -p '{"spec":{"suspend":false}}'`);
  });

  test("a daemon set that fits no node says which label they lack", () => {
    const workload = maker(
      "DaemonSet",
      { template: { metadata: { labels }, spec: { nodeSelector: { gpu: "yes" } } } },
      { desiredNumberScheduled: 0 },
    );
    expect(noPods(workload, fact("nodes", { nodes: [node] }))).toMatchObject({
      code: "pod_unschedulable",
      message: "daemonset api fits no node: 1 of 1 nodes lack the label gpu=yes",
    });
    expect(noPods(workload).message).toBe("daemonset api fits no node");
  });

  test.each([
    [{ priorityClassName: "top" }, "no PriorityClass with name top was found", "priority class top does not exist"],
    [{ runtimeClassName: "gvisor" }, 'RuntimeClass "gvisor" not found', "runtime class gvisor does not exist"],
    [
      { containers: [{ name: "main" }] },
      "must specify limits.memory",
      "quota q wants each container to say limits.memory",
    ],
    [{}, "exceeded by nobody", "cannot make its pods"],
  ])("pods that are refused: %j", (spec, said, words) => {
    const workload = maker(
      "Deployment",
      { replicas: 1, template: { metadata: { labels }, spec } },
      { conditions: [{ type: "ReplicaFailure", status: "True", message: said }] },
    );
    const quotas = [{ quota: "q", resource: "limits.memory", hard: "2Gi", used: "0" }];
    const failure = noPods(workload, fact("quotas", { quotas }));
    expect(failure.message).toContain(words);
    expect(failure.untrusted).toBe(said);
    expect(remediesFor(failure).length).toBeGreaterThan(0);
  });

  test("its own selector is never what it misses", () => {
    const others = fact("labels", { owners: [{ name: "apu-1", labels: { app: "apu" } }] });
    expect(noPods(maker("Deployment", { replicas: 1 }), others).facts?.["difference"]).toBeUndefined();
    const service = [fact("object", { kind: "service", name: "api", selector: labels }), others];
    expect(explainNoPods(none, service).failure.facts?.["nearest"]).toBe("pod apu-1");
  });
});

describe("the nearest miss of a selector", () => {
  const miss = (selector: Record<string, string>, found: Record<string, string>) =>
    nearestMiss(selector, [{ name: "p", labels: found }], [])?.differs;

  test("is a misspelt label, a missing one beside others that fit, or the value under another key", () => {
    expect(miss({ app: "apii" }, { app: "api" })).toMatchObject([{ wanted: "apii", found: "api" }]);
    expect(miss({ app: "api", tier: "x" }, { app: "api" })).toMatchObject([{ key: "tier", found: "nothing" }]);
    expect(miss({ "app.kubernetes.io/name": "api" }, { app: "api" })).toMatchObject([{ found: "app: api instead" }]);
  });

  test("is not just any other pod", () => {
    expect(miss({ app: "api" }, { app: "queue" })).toBeUndefined();
    expect(miss({ job: "609904b3" }, { app: "web" })).toBeUndefined();
  });
});

describe("a pod that is not placed", () => {
  const unschedulable: Failure = { code: "pod_unschedulable", message: "no node takes pod api-1" };
  const condition = { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }] };

  test("a gate, and a scheduler that nobody runs", () => {
    const gated = explainScheduling(unschedulable, pod({ schedulingGates: [{ name: "x.io/quota" }] }, condition), []);
    expect(gated.message).toContain("scheduling gate x.io/quota");
    const unseen = explainScheduling(unschedulable, pod({ schedulerName: "volcano" }), []);
    expect(unseen).toMatchObject({ facts: { scheduler: "volcano" } });
  });

  test.each([
    ["In", ["b"], "zone In b"],
    ["NotIn", ["a"], "zone NotIn a"],
    ["DoesNotExist", [], "zone DoesNotExist"],
  ])("node affinity %s is told with what it asks", (operator, values, words) => {
    const term = { matchExpressions: [{ key: "zone", operator, values }] };
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
    const one = pod({ affinity: { nodeAffinity: required } }, condition);
    const { message, facts } = explainScheduling(unschedulable, one, [fact("nodes", { nodes: [node] })]);
    expect(message).toContain(words);
    expect(facts?.["nodes_without_affinity"]).toBe(1);
  });

  test("affinity that a node fits is not blamed", () => {
    const term = { matchExpressions: [{ key: "zone", operator: "Exists" }] };
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } };
    const one = pod({ affinity: { nodeAffinity: required } }, condition);
    const { message } = explainScheduling(unschedulable, one, [fact("nodes", { nodes: [node] })]);
    expect(message).toBe("no node takes pod api-1");
  });
});

describe("a volume that cannot be mounted", () => {
  const said = (volume: Omit<Volume, "name">, text = ""): string =>
    explainVolume(
      pod({ volumes: [{ name: "data", ...volume }] }),
      `MountVolume.SetUp failed for volume "data" : ${text}`,
    ).message;

  test("is told by what it is, and a key by what lacks it", () => {
    expect(said({ hostPath: { path: "/data", type: "Directory" } })).toContain(
      "host path /data, which must be a Directory",
    );
    expect(said({ nfs: { server: "files", path: "/x" } })).toContain("NFS files:/x");
    expect(said({ csi: { driver: "disk.csi" } })).toContain("driver disk.csi");
    expect(said({ persistentVolumeClaim: { claimName: "c" } })).toContain("volume claim c");
    expect(said({ configMap: { name: "settings" } })).toContain("config map settings");
    expect(said({ secret: { secretName: "keys" } })).toContain("secret keys");
    const items = [{ key: "app.yaml" }];
    const text = "references non-existent config key: app.yaml";
    const words = "key app.yaml of config map settings, which has no such key";
    expect(said({ configMap: { name: "settings", items } }, text)).toContain(words);
    expect(said({ projected: { sources: [{ configMap: { name: "settings", items } }] } }, text)).toContain(words);
    expect(said({ projected: { sources: [{ secret: { name: "keys", items } }] } }, text)).toContain("of secret keys");
    expect(explainVolume(pod({}), "no idea").message).toBe("a volume of pod api-1 cannot be mounted");
  });
});

test("an init container that is killed for memory is told as that", () => {
  const terminated = { reason: "OOMKilled", exitCode: 137 };
  const status = {
    name: "warm",
    restartCount: 2,
    state: { waiting: { reason: "CrashLoopBackOff" } },
    lastState: { terminated },
  };
  const failure = podFailure(pod({ initContainers: [{ name: "warm" }] }, { initContainerStatuses: [status] }));
  expect(failure).toMatchObject({ code: "container_oom_killed", facts: { container: "warm", exit_code: 137 } });
});

describe("services that scripts and files name", () => {
  const known = [{ name: "db", address: "10.0.0.7" }];
  const names = (spec: DetailedPodSpec, texts: Parameters<typeof namedServices>[3] = []): string[] =>
    namedServices([pod(spec)], known, "shop", texts).map(({ service, named }) => `${service} by ${named}`);
  const command = (...words: string[]): DetailedPodSpec => ({ initContainers: [{ name: "wait", command: words }] });

  test.each([
    [["/bin/sh", "-c", "until nc -z db 5432; do sleep 1; done"]],
    [["pg_isready", "-h", "db"]],
    [["curl", "http://db/healthz"]],
    [["redis-cli", "--host=db", "ping"]],
    [["wait-for", "db.shop.svc:5432"]],
  ])("%j", (words) => {
    expect(names(command(...words))).toHaveLength(1);
  });

  test.each([[["db", "migrate"]], [["/bin/sh", "-c", "cd /opt/db && ./run --verbose"]], [["echo", "db is here"]]])(
    "%j names none",
    (words) => {
      expect(names(command(...words))).toEqual([]);
    },
  );

  test("a probe's command, and the lines of a config map", () => {
    const probe = { readinessProbe: { exec: { command: ["nc", "-z", "db", "5432"] } } };
    expect(names({ containers: [{ name: "main", ...probe }] })).toEqual(["db by the command of its readinessProbe"]);
    const file = (value: string) => [{ value, named: "config map nginx", likely: false, prose: true }];
    expect(names({}, file("upstream x { server db:9000; }"))).toEqual(["db by config map nginx"]);
    expect(names({}, file("database:\n  host: db\n  user: me"))).toEqual(["db by config map nginx"]);
    expect(names({}, file("proxy_pass http://elsewhere/;\n# the db is described above"))).toEqual([]);
    expect(names({}, [{ value: "db", named: "variable DB_HOST", likely: true }])).toEqual(["db by variable DB_HOST"]);
  });
});

describe("services of other namespaces", () => {
  const named = (value: string, texts: Parameters<typeof foreignServices>[2] = []) =>
    foreignServices([pod({ containers: [{ name: "main", env: [{ name: "URL", value }] }] })], "shop", texts);

  test("are those whose full name is said", () => {
    expect(named("http://orders.data.svc:80")).toEqual([
      { service: "orders", namespace: "data", named: "variable URL", meant: true },
    ]);
    expect(named("orders.data.svc.cluster.local")).toHaveLength(1);
    expect(named("http://api.shop.svc, orders.data, x.y.svcs")).toEqual([]);
  });

  test("a log names only what there is", () => {
    const log = [{ value: "lookup orders.data.svc: no such host", named: "its log", likely: false, prose: true }];
    expect(named("", log)).toMatchObject([{ service: "orders", meant: false }]);
  });
});

describe("remedies of what is no matter of the check", () => {
  const steps = (facts: NonNullable<Failure["facts"]>, code: Failure["code"] = "protocol_mismatch") =>
    JSON.stringify(remediesFor({ code, message: "", facts }));

  test("what listens at the SSH server's port, TLS that is not there, a client certificate", () => {
    expect(steps({ layer: "ssh", host: "b", port: 22 })).toContain("connection.host and connection.port");
    expect(steps({ layer: "ssh", host: "b", port: 22, server: "OpenSSH 5.3" })).toContain("algorithms");
    expect(steps({ setting: "sslmode", sslmode: "require" })).toContain("health_check.config.sslmode");
    expect(steps({ setting: "tls" })).toContain("health_check.config.tls");
    expect(steps({ wants: "client certificate" }, "application_auth_failed")).toContain("health_check.type");
  });
});
