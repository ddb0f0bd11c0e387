import type { Failure, Facts } from "../connectivity-error.ts";
import { conditionOf, isReady, type ContainerStatus, type Pod } from "./pod.ts";

const untrustedLimit = 2048;
/** Reasons are identifiers (`CrashLoopBackOff`); anything else is text from outside and is left out of the facts. */
const identifier = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

const imageReasons = new Set([
  "ImagePullBackOff",
  "ErrImagePull",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);
const configReasons = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "StartError",
  "ContainerCannotRun",
  "PreCreateHookError",
  "PreStartHookError",
  "PostStartHookError",
]);

/** Ends of a container whose program was never started. */
const neverRan = new Set(["StartError", "ContainerCannotRun"]);

/**
 * Why a pod takes no connections, or `undefined` when it is ready: the deepest cause that its own object tells, from
 * scheduling over images, init containers and containers to readiness. The API server's own texts are in `untrusted`.
 */
export function podFailure(pod: Pod): Failure | undefined {
  if (isReady(pod)) return undefined;
  return leaving(pod) ?? unscheduled(pod) ?? initFailure(pod) ?? containerFailure(pod) ?? notReady(pod);
}

/** How much a cause explains, when the pods of one target fail differently: the lowest is told. */
const weight: Partial<Record<Failure["code"], number>> = {
  container_oom_killed: 0,
  container_crashing: 1,
  init_container_failing: 2,
  container_config_error: 3,
  image_pull_failed: 4,
  pod_unschedulable: 5,
  pod_not_ready: 6,
  pod_gone: 7,
};

/** The cause that explains best why none of several pods is ready; `undefined` when one is ready or there is none. */
export function podsFailure(pods: readonly Pod[]): Failure | undefined {
  let best: Failure | undefined;
  for (const pod of pods) {
    const failure = podFailure(pod);
    if (failure === undefined) return undefined;
    if (best === undefined || (weight[failure.code] ?? 9) < (weight[best.code] ?? 9)) best = failure;
  }
  return best;
}

function failure(
  pod: Pod,
  code: Failure["code"],
  message: string,
  detail: {
    readonly container?: string | undefined;
    readonly reason?: string | undefined;
    readonly facts?: Facts;
    readonly untrusted?: string | undefined;
  } = {},
): Failure {
  const { container, reason, untrusted } = detail;
  return {
    code,
    message,
    facts: {
      pod: pod.metadata.name,
      ...(container !== undefined && { container }),
      ...(reason !== undefined && identifier.test(reason) && { reason }),
      ...detail.facts,
    },
    ...(untrusted !== undefined && untrusted !== "" && { untrusted: untrusted.slice(0, untrustedLimit) }),
  };
}

function leaving(pod: Pod): Failure | undefined {
  const { phase, reason, message } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") {
    const what = phase === "Succeeded" ? "has finished" : "has failed and will not come back";
    return failure(pod, "pod_gone", `pod ${pod.metadata.name} ${what}`, { reason, untrusted: message });
  }
  if (pod.metadata.deletionTimestamp === undefined) return undefined;
  return failure(pod, "pod_gone", `pod ${pod.metadata.name} is being deleted`);
}

function unscheduled(pod: Pod): Failure | undefined {
  const condition = conditionOf(pod, "PodScheduled");
  if (condition?.status !== "False") return undefined;
  return failure(pod, "pod_unschedulable", `no node takes pod ${pod.metadata.name}`, {
    reason: condition.reason,
    untrusted: condition.message,
  });
}

/** What keeps a container from being created at all: its image or its configuration. */
function creationFailure(pod: Pod, status: ContainerStatus): Failure | undefined {
  const now = status.state?.waiting ?? status.state?.terminated;
  const before = status.lastState?.terminated;
  // Between two attempts it says only that it waits for the next one.
  const { reason, message } = before?.reason !== undefined && neverRan.has(before.reason) ? before : (now ?? {});
  const detail = { container: status.name, reason, untrusted: message };
  if (reason !== undefined && imageReasons.has(reason)) {
    const image = pod.spec?.containers
      ?.concat(pod.spec.initContainers ?? [])
      .find(({ name }) => name === status.name)?.image;
    return failure(pod, "image_pull_failed", `the image of container ${status.name} cannot be pulled`, {
      ...detail,
      ...(image !== undefined && image.length <= 200 && { facts: { image } }),
    });
  }
  if (reason === undefined || !configReasons.has(reason)) return undefined;
  return failure(
    pod,
    "container_config_error",
    `container ${status.name} cannot be started as it is configured`,
    detail,
  );
}

function initFailure(pod: Pod): Failure | undefined {
  for (const status of pod.status?.initContainerStatuses ?? []) {
    const sidecar = pod.spec?.initContainers?.find(({ name }) => name === status.name)?.restartPolicy === "Always";
    const done = sidecar ? status.started === true : status.state?.terminated?.exitCode === 0;
    if (done) continue;
    const creation = creationFailure(pod, status);
    if (creation) return creation;
    const ended = status.state?.terminated ?? status.lastState?.terminated;
    if (ended?.reason === "OOMKilled") {
      const message = `init container ${status.name} was killed because it used more memory than its limit`;
      const facts = exitFacts(status, ended.exitCode);
      return failure(pod, "container_oom_killed", message, { container: status.name, reason: ended.reason, facts });
    }
    if (ended !== undefined && ended.exitCode !== 0) {
      return failure(pod, "init_container_failing", `init container ${status.name} fails, so the pod never starts`, {
        container: status.name,
        reason: ended.reason,
        facts: exitFacts(status, ended.exitCode),
        untrusted: ended.message,
      });
    }
    // Init containers run one after the other: the later ones have nothing to tell yet.
    if (status.state?.running !== undefined) {
      return failure(pod, "pod_not_ready", `init container ${status.name} still runs`, { container: status.name });
    }
  }
  return undefined;
}

const exitFacts = (status: ContainerStatus, exitCode: number | undefined): Facts => ({
  ...(exitCode !== undefined && { exit_code: exitCode }),
  restarts: status.restartCount ?? 0,
});

function containerFailure(pod: Pod): Failure | undefined {
  for (const status of pod.status?.containerStatuses ?? []) {
    if (status.ready === true) continue;
    const cause = creationFailure(pod, status) ?? crash(pod, status);
    if (cause) return cause;
  }
  return undefined;
}

function crash(pod: Pod, status: ContainerStatus): Failure | undefined {
  const ended = status.state?.terminated ?? status.lastState?.terminated;
  if (ended === undefined || recoveredSince(pod, status)) return undefined;
  const oom = ended.reason === "OOMKilled";
  const message = oom
    ? `container ${status.name} was killed because it used more memory than its limit`
    : `container ${status.name} ends${ended.exitCode === undefined ? "" : ` with exit code ${ended.exitCode}`} and is restarted again and again`;
  return failure(pod, oom ? "container_oom_killed" : "container_crashing", message, {
    container: status.name,
    reason: status.state?.waiting?.reason ?? ended.reason,
    facts: exitFacts(status, ended.exitCode),
    untrusted: ended.message,
  });
}

/** Whether a restarted container has been ready since: then an old crash is not why the pod is not ready now. */
function recoveredSince(pod: Pod, status: ContainerStatus): boolean {
  const startedAt = status.state?.running?.startedAt;
  const changedAt = conditionOf(pod, "Ready")?.lastTransitionTime;
  if (startedAt === undefined || changedAt === undefined) return false;
  return Date.parse(changedAt) > Date.parse(startedAt);
}

function notReady(pod: Pod): Failure {
  const name = pod.metadata.name;
  const statuses = pod.status?.containerStatuses ?? [];
  const unready = statuses.find((status) => status.ready !== true);
  const condition = conditionOf(pod, "Ready");
  const detail = { container: unready?.name, reason: condition?.reason, untrusted: condition?.message };
  if (unready?.state?.running !== undefined) {
    return failure(
      pod,
      "pod_not_ready",
      `container ${unready.name} runs, but its readiness check does not pass`,
      detail,
    );
  }
  if (unready !== undefined || statuses.length === 0) {
    return failure(pod, "pod_not_ready", `pod ${name} is still being started`, {
      ...detail,
      reason: unready?.state?.waiting?.reason ?? condition?.reason,
    });
  }
  return failure(pod, "pod_not_ready", `the containers of pod ${name} are ready, but a readiness gate is not`, detail);
}
