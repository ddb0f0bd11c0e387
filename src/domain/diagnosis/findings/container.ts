import type { Failure, Facts } from "../../connectivity-error.ts";
import type { ClusterEvent, DetailedContainer, DetailedPod, Probe } from "../../kubernetes/detail.ts";
import { dataOf, plainWord, type Fact, type PodReference } from "../fact.ts";
import { explainVolume } from "./volume.ts";

/** What a failure of one pod's container looks like once all that is known about it is put together. */
export function explainContainer(
  failure: Failure,
  pod: DetailedPod,
  facts: readonly Fact[],
): { readonly failure: Failure; readonly events: readonly ClusterEvent[] } {
  const events = eventsOf(facts, pod);
  const name = failure.facts?.["container"];
  const container = containersOf(pod).find((one) => one.name === name) ?? pod.spec?.containers?.[0];
  const references = dataOf(facts, "references")?.references ?? [];
  const explained = explain(failure, pod, container, events, references);
  return { failure: { ...failure, ...explained, facts: { ...failure.facts, ...explained.facts } }, events };
}

type Explained = Partial<Pick<Failure, "code" | "message" | "untrusted">> & { readonly facts?: Facts };

const containersOf = ({ spec }: DetailedPod): DetailedContainer[] => [
  ...(spec?.containers ?? []),
  ...(spec?.initContainers ?? []),
];

const eventsOf = (facts: readonly Fact[], pod: DetailedPod): ClusterEvent[] =>
  (dataOf(facts, "events")?.events ?? []).filter(({ object }) => object === `Pod/${pod.metadata.name}`);

function explain(
  { code, message, facts, untrusted }: Failure,
  pod: DetailedPod,
  container: DetailedContainer | undefined,
  events: readonly ClusterEvent[],
  references: readonly PodReference[],
): Explained {
  const missing = references.find(
    ({ exists, kind }) => !exists && kind !== "storageclass" && kind !== "persistentvolumeclaim",
  );
  const stuck =
    code === "pod_not_ready" && container !== undefined && statusOf(pod, container)?.state?.running === undefined;
  if (code === "container_config_error" || (stuck && missing !== undefined)) {
    return {
      code: "container_config_error",
      ...explainConfiguration({ message, untrusted }, missing, references, events),
    };
  }
  if (stuck && events.some(({ reason }) => reason === "FailedMount" || reason === "FailedAttachVolume")) {
    const event = events.find(({ reason }) => reason === "FailedMount" || reason === "FailedAttachVolume");
    return {
      code: "container_config_error",
      ...explainVolume(pod, event?.untrusted ?? ""),
      ...(event && { untrusted: event.untrusted }),
    };
  }
  if (container === undefined) return {};
  if (code === "image_pull_failed") return explainImage(container, facts?.["reason"], events, references);
  if (code === "container_oom_killed") return explainMemory(message, container);
  if (code === "container_crashing") return explainCrash(message, facts, container, events);
  if (code === "pod_not_ready" && !stuck) return explainReadiness(container, events, pod);
  return {};
}

const statusOf = ({ status }: DetailedPod, { name }: DetailedContainer) =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find((one) => one.name === name);

function explainConfiguration(
  { message, untrusted }: { readonly message: string; readonly untrusted: string | undefined },
  missing: PodReference | undefined,
  references: readonly PodReference[],
  events: readonly ClusterEvent[],
): Explained {
  const event = events.find(({ reason }) => reason === "Failed" || reason === "FailedMount");
  const said = event === undefined ? {} : { untrusted: event.untrusted };
  if (missing !== undefined) {
    const { kind, name } = missing;
    const what = kind === "configmap" ? "config map" : kind;
    return {
      message: `the pod refers to ${what} ${plainWord(name)}, which does not exist`,
      facts: { missing: `${kind}/${plainWord(name)}` },
      ...said,
    };
  }
  // The object is there: of the keys that the pod wants from it, the kubelet's words name the one that is not.
  for (const { kind, name, keys = [] } of references) {
    const key = keys.find((one) => event?.untrusted.includes(one) === true && event.untrusted.includes(name));
    if (key === undefined) continue;
    const what = kind === "configmap" ? "config map" : kind;
    return {
      message: `the pod wants key ${plainWord(key)} of ${what} ${plainWord(name)}, which has no such key`,
      facts: { missing: `${kind}/${plainWord(name)} key ${plainWord(key)}` },
      ...said,
    };
  }
  const text = `${untrusted ?? ""}\n${event?.untrusted ?? ""}`;
  if (/executable file not found|no such file or directory|permission denied/i.test(text))
    return {
      message: "the program that the container is to run cannot be started",
      facts: { problem: "command" },
      ...said,
    };
  if (/runAsNonRoot|non-root/i.test(text))
    return {
      message: `${message}: it may not run as root (runAsNonRoot), and would`,
      facts: { problem: "runs_as_root" },
      ...said,
    };
  return { message, ...said };
}

/** Registries have no codes in a pod's status: the words decide between these, and are shown as they are. */
const pullProblems: readonly (readonly [RegExp, string, string])[] = [
  [
    /unauthorized|authentication required|denied|forbidden|no basic auth/i,
    "not_allowed",
    "the registry does not let the cluster have it",
  ],
  [/not found|manifest unknown|does not exist|repository .* not known/i, "not_found", "the registry has no such image"],
  [
    /no such host|i\/o timeout|connection refused|network is unreachable|TLS handshake|EOF|lookup /i,
    "registry_unreachable",
    "the registry cannot be reached",
  ],
  [/toomanyrequests|rate limit/i, "rate_limited", "the registry wants fewer requests"],
  [/invalid reference|couldn't parse image|InvalidImageName/i, "invalid_name", "its name is no image name"],
];

const neverPulled = [undefined, "never_pulled", "its node does not have it, and imagePullPolicy is Never"] as const;

function explainImage(
  container: DetailedContainer,
  reason: unknown,
  events: readonly ClusterEvent[],
  references: readonly PodReference[],
): Explained {
  const event = events.find(({ reason, untrusted }) => reason === "Failed" && /pull|image/i.test(untrusted));
  const image = plainWord(container.image ?? "");
  const [, problem, words] =
    reason === "ErrImageNeverPull" ? neverPulled : (pullProblems.find(([p]) => p.test(event?.untrusted ?? "")) ?? []);
  const secret = references.find(({ kind, exists }) => kind === "secret" && !exists);
  return {
    message: `image ${image} of container ${container.name} cannot be pulled${words === undefined ? "" : `: ${words}`}`,
    facts: {
      image,
      ...(problem !== undefined && { problem }),
      ...(secret && { missing: `secret/${plainWord(secret.name)}` }),
    },
    ...(event && { untrusted: event.untrusted }),
  };
}

function explainMemory(message: string, { name, resources }: DetailedContainer): Explained {
  const limit = resources?.limits?.["memory"];
  if (limit === undefined)
    return { message: message.replace("more memory than its limit", "more memory than its node had") };
  return {
    message: `container ${name} is killed at its memory limit of ${plainWord(limit)}`,
    facts: { limit: plainWord(limit) },
  };
}

const exitMeanings: Readonly<Record<number, string>> = {
  126: "the command cannot be executed",
  127: "the command was not found",
  134: "aborted",
  137: "killed",
  139: "segmentation fault",
  143: "told to end",
};

function explainCrash(
  message: string,
  facts: Facts | undefined,
  container: DetailedContainer,
  events: readonly ClusterEvent[],
): Explained {
  const liveness = container.livenessProbe ?? container.startupProbe;
  const killed = events.find(
    ({ reason, untrusted }) => reason === "Unhealthy" && /^(liveness|startup)/i.test(untrusted),
  );
  if (liveness !== undefined && killed !== undefined) {
    const which = container.livenessProbe === undefined ? "startup" : "liveness";
    return {
      message: `container ${container.name} is killed again and again because its ${which} probe (${probeText(liveness)}) fails${probePortProblem(liveness, container)}`,
      facts: { probe: probeText(liveness), probe_failures: killed.count },
      untrusted: killed.untrusted,
    };
  }
  const meaning = exitMeanings[Number(facts?.["exit_code"])];
  return meaning === undefined ? {} : { message: `${message} (${meaning})`, facts: { exit_means: meaning } };
}

function explainReadiness(container: DetailedContainer, events: readonly ClusterEvent[], pod: DetailedPod): Explained {
  const probe = container.readinessProbe ?? container.startupProbe;
  const event = events.find(
    ({ reason, untrusted }) => reason === "Unhealthy" && /^(readiness|startup)/i.test(untrusted),
  );
  if (probe === undefined) return event ? { untrusted: event.untrusted } : {};
  return {
    message: `container ${container.name} of pod ${pod.metadata.name} runs, but its readiness probe (${probeText(probe)}) does not pass${probePortProblem(probe, container)}`,
    facts: { probe: probeText(probe), ...(event && { probe_failures: event.count }) },
    ...(event && { untrusted: event.untrusted }),
  };
}

/** `GET :8080/healthz`, `tcp :5432`, `a command`. */
function probeText({ httpGet, tcpSocket, grpc }: Probe): string {
  if (httpGet) return `GET :${plainWord(String(httpGet.port))}${plainWord(httpGet.path ?? "/")}`;
  if (tcpSocket) return `tcp :${plainWord(String(tcpSocket.port))}`;
  return grpc ? `grpc :${grpc.port}` : "a command";
}

/** A probe of a port that the container does not declare, where it declares some. */
function probePortProblem({ httpGet, tcpSocket, grpc }: Probe, { ports = [] }: DetailedContainer): string {
  const port = httpGet?.port ?? tcpSocket?.port ?? grpc?.port;
  if (port === undefined || ports.length === 0) return "";
  if (ports.some(({ name, containerPort }) => name === port || containerPort === Number(port))) return "";
  return `; the container declares port ${ports.map(({ containerPort }) => containerPort).join(", ")}, not ${plainWord(String(port))}`;
}
