import type { FactKinds } from "#domain/diagnosis/fact.ts";
import { mostTroubled } from "#domain/diagnosis/findings/troubled-pod.ts";
import type { DetailedPod, KnownNode } from "#domain/kubernetes/detail.ts";
import { conditionOf, type ObjectMeta } from "#domain/kubernetes/pod.ts";
import { ask } from "./cluster-reader.ts";
import type { Gathering } from "./kubernetes-facts.ts";
import { readReferences } from "./references.ts";
import { hasLabels } from "./selectors.ts";

const nodesRead = "100";
const logLines = 20;

/** What explains the trouble of pods, asked only where there is some: nodes, quotas, references, policies. */
export async function askTrouble(gathering: Gathering, pods: readonly DetailedPod[]): Promise<void> {
  const { service, reader, clock, tell } = gathering;
  const { namespace } = service.connection;
  const to = { clock, tell };
  const troubled = mostTroubled(pods, clock.nowMs());
  const pending =
    pods.length === 0 ||
    troubled?.failure?.code === "pod_not_ready" ||
    pods.some((pod) => conditionOf(pod, "PodScheduled")?.status === "False");
  await Promise.all([
    troubled || pods.length === 0
      ? ask(to, "quotas", "workload", "quotas", () => readQuotas(reader, namespace))
      : undefined,
    pending ? ask(to, "nodes", "workload", "nodes", () => readNodes(reader)) : undefined,
    troubled
      ? ask(to, "references", "workload", "API server", async () => {
          const references = await readReferences(reader, namespace, pods);
          return { yes: references.every(({ exists }) => exists), data: { references } };
        })
      : undefined,
    pods.length > 0
      ? ask(to, "policies", "workload", "network policies", () => readPolicies(reader, namespace, pods))
      : undefined,
  ]);
}

/** The last words of the pod that is in trouble, or that answers badly. */
export const askLastWords = (gathering: Gathering, pods: readonly DetailedPod[]): Promise<string | undefined> =>
  askLog(gathering, mostTroubled(pods, gathering.clock.nowMs()) ?? lastWordsOf(gathering, pods));

/** A pod that runs, when it is the application that answers badly: its log may say why. */
function lastWordsOf({ failure }: Gathering, pods: readonly DetailedPod[]): ReturnType<typeof mostTroubled> {
  const [pod] = pods;
  const container = pod?.spec?.containers?.[0]?.name;
  const wanted =
    failure !== undefined && /^(application|upstream|too_many|target_port|protocol|database)/.test(failure.code);
  return wanted && pod !== undefined && container !== undefined ? { pod, container, ended: false } : undefined;
}

async function askLog(
  { reader, clock, tell }: Gathering,
  troubled: ReturnType<typeof mostTroubled>,
): Promise<string | undefined> {
  if (troubled === undefined || troubled.container === undefined) return undefined;
  const { pod, container, ended } = troubled;
  const { name, namespace = "default" } = pod.metadata;
  const log = await ask({ clock, tell }, "log", "application", `log of pod ${name}`, async () => {
    let previous = ended;
    let text = await reader.log(namespace, name, container, ended, logLines).catch((thrown: unknown) => {
      if (!ended) throw thrown;
      return "";
    });
    // Said by the kubelet, as if it were the log: the container that ended is cleared away already.
    const isCleared = text.startsWith("unable to retrieve container logs for ");
    if (ended && (isCleared || text.trim() === "")) {
      previous = false;
      text = await reader.log(namespace, name, container, false, logLines);
    }
    const lines = text.split("\n").filter((line) => line.trim() !== "").length;
    return { yes: lines > 0, data: { pod: name, container, previous, lines, untrusted: text } };
  });
  return log?.untrusted;
}

interface Quota {
  readonly metadata: ObjectMeta;
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
}

async function readQuotas(
  reader: Gathering["reader"],
  namespace: string,
): Promise<{ yes: boolean; data: FactKinds["quotas"] }> {
  const items = await reader.list<Quota>("/api/v1", "resourcequotas", namespace, { limit: "20" });
  const quotas = items.flatMap(({ metadata, status }) =>
    Object.entries(status?.hard ?? {}).map(([resource, hard]) => ({
      quota: metadata.name,
      resource,
      hard,
      used: status?.used?.[resource] ?? "0",
    })),
  );
  return { yes: quotas.length > 0, data: { quotas } };
}

interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly unschedulable?: boolean; readonly taints?: KnownNode["taints"] };
  readonly status?: {
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

async function readNodes(reader: Gathering["reader"]): Promise<{ yes: boolean; data: FactKinds["nodes"] }> {
  const items = await reader.list<NodeObject>("/api/v1", "nodes", undefined, { limit: nodesRead });
  const nodes = items.map(({ metadata, spec, status }) => ({
    name: metadata.name,
    ready: status?.conditions?.find(({ type }) => type === "Ready")?.status === "True",
    unschedulable: spec?.unschedulable === true,
    labels: metadata.labels ?? {},
    taints: spec?.taints ?? [],
    allocatable: status?.allocatable ?? {},
  }));
  return { yes: nodes.some(({ ready }) => ready), data: { nodes } };
}

interface Policy {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> } };
}

async function readPolicies(
  reader: Gathering["reader"],
  namespace: string,
  pods: readonly DetailedPod[],
): Promise<{ yes: boolean; data: FactKinds["policies"] }> {
  const items = await reader.list<Policy>("/apis/networking.k8s.io/v1", "networkpolicies", namespace, { limit: "100" });
  const policies = items
    .filter(({ spec }) => pods.some((pod) => hasLabels(spec?.podSelector?.matchLabels ?? {}, pod.metadata.labels)))
    .map(({ metadata }) => metadata.name);
  return { yes: policies.length > 0, data: { policies } };
}
