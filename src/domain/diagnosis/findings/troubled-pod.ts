import type { Failure } from "../../connectivity-error.ts";
import { timeOf, type DetailedPod } from "../../kubernetes/detail.ts";
import { podFailure, podsFailure } from "../../kubernetes/pod-condition.ts";
import { conditionOf, isLeaving, type ContainerStatus } from "../../kubernetes/pod.ts";

/** A pod in trouble, the container that matters, and whether that one ended (its last words are those of its previous run). */
export interface Troubled {
  readonly pod: DetailedPod;
  readonly container: string | undefined;
  readonly ended: boolean;
  readonly failure?: Failure;
}

/** A container that ended so lately is taken for restless, though it runs now. */
const restlessMs = 10 * 60_000;

/** Kubernetes tells times in whole seconds: two of them may be so much further apart, or closer, than they were. */
const roundingMs = 2000;

const statuses = ({ status }: DetailedPod): readonly ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];

/** The container that ended badly a short time ago and more than once, or just now: it may be ready again for a moment only. */
function restless(pod: DetailedPod, nowMs: number): ContainerStatus | undefined {
  return (pod.status?.containerStatuses ?? []).find(({ restartCount = 0, state, lastState }) => {
    const ended = state?.terminated ?? lastState?.terminated;
    if (ended === undefined || restartCount === 0) return false;
    const agoMs = nowMs - timeOf(ended.finishedAt);
    const upMs = state?.running === undefined ? 0 : nowMs - timeOf(state.running.startedAt);
    return agoMs < restlessMs && (restartCount > 1 || upMs < 60_000);
  });
}

/**
 * A container that serves at this moment, was started anew more than once, and has not yet lived longer than the last time:
 * nothing says that it will stay. One that ended at its start and has been well since has lived longer.
 */
export function cycling(pod: DetailedPod, nowMs: number): Failure | undefined {
  for (const status of pod.status?.containerStatuses ?? []) {
    const { restartCount = 0, state, lastState } = status;
    const ended = lastState?.terminated;
    if (restartCount < 2 || state?.running === undefined || ended === undefined) continue;
    const livedMs = timeOf(ended.finishedAt) - timeOf(ended.startedAt);
    const upMs = nowMs - timeOf(state.running.startedAt);
    if (nowMs - timeOf(ended.finishedAt) < restlessMs && upMs < livedMs * 1.5 + roundingMs)
      return restlessFailure(pod, status);
  }
  return undefined;
}

/**
 * The pod that explains best why a target does not serve: of those that are not ready the deepest cause, else one whose
 * container restarts again and again. `undefined`: all are well.
 */
export function mostTroubled(pods: readonly DetailedPod[], nowMs: number): Troubled | undefined {
  const staying = pods.filter((pod) => !isLeaving(pod));
  const looked = staying.length > 0 ? staying : pods;
  const failing = looked.filter((pod) => podFailure(pod) !== undefined);
  const worst = podsFailure(failing);
  if (worst !== undefined) {
    const pod = failing.find(({ metadata }) => metadata.name === worst.facts?.["pod"]);
    if (pod) {
      const container = worst.facts?.["container"];
      const name = container === undefined ? pod.spec?.containers?.[0]?.name : String(container);
      const status = statuses(pod).find((one) => one.name === name);
      return { pod, container: name, ended: hasEnded(status), failure: worst };
    }
  }
  for (const pod of looked) {
    const status = restless(pod, nowMs);
    if (status) return { pod, container: status.name, ended: true, failure: restlessFailure(pod, status) };
  }
  return undefined;
}

const hasEnded = (status: ContainerStatus | undefined): boolean =>
  status?.state?.running === undefined && (status?.lastState ?? status?.state)?.terminated !== undefined;

/** Why a container that runs at the moment is not to be relied on. */
function restlessFailure(pod: DetailedPod, { name, restartCount = 0, state, lastState }: ContainerStatus): Failure {
  const ended = state?.terminated ?? lastState?.terminated;
  const oom = ended?.reason === "OOMKilled";
  const exitCode = ended?.exitCode;
  return {
    code: oom ? "container_oom_killed" : "container_crashing",
    message: oom
      ? `container ${name} was killed because it used more memory than its limit`
      : `container ${name} ends${exitCode === undefined ? "" : ` with exit code ${exitCode}`} and is restarted again and again`,
    facts: {
      pod: pod.metadata.name,
      container: name,
      ...(exitCode !== undefined && { exit_code: exitCode }),
      restarts: restartCount,
    },
  };
}

/** Whether the cluster itself holds a pod for ready: its own checks pass, beside the forward. */
export const readyByCluster = (pod: DetailedPod): boolean => conditionOf(pod, "Ready")?.status === "True";
