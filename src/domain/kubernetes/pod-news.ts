import { isLeaving, isReady, type ContainerStatus, type Pod } from "./pod.ts";

/** What is remembered of a pod between two looks. */
export interface SeenPod {
  readonly ready: boolean;
  readonly images: readonly string[];
  readonly restarts: ReadonlyMap<string, number>;
}

export type SeenPods = ReadonlyMap<string, SeenPod>;

/** Names of objects, images and reasons are text that others chose: only what has the shape of one is told. */
const imageShape = /^[a-z0-9][a-z0-9._/:@-]{0,254}$/i;
const reasonShape = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

/**
 * What changed among the pods of a target, as sentences for the timeline: a pod takes connections (with its image, where
 * that is another one than before), is not ready any more, is gone, or a container of it was restarted and why.
 * The first look tells nothing.
 */
export function podNews(before: SeenPods | undefined, pods: readonly Pod[]): { news: string[]; seen: SeenPods } {
  const seen = new Map(pods.filter((pod) => !isLeaving(pod)).map((pod) => [pod.metadata.name, look(pod)]));
  if (before === undefined) return { news: [], seen };
  // Of those that took connections: the pods of a rollout are there long before they do.
  const known = new Set([...before.values()].flatMap(({ ready, images }) => (ready ? images : [])));
  const news = pods.flatMap((pod) => {
    const was = before.get(pod.metadata.name);
    const is = seen.get(pod.metadata.name);
    return is === undefined ? [] : [...restarted(pod, was), ...readiness(pod.metadata.name, was, is, known)];
  });
  for (const name of before.keys()) if (!seen.has(name)) news.push(`pod ${name} is gone`);
  return { news, seen };
}

const look = (pod: Pod): SeenPod => ({
  ready: isReady(pod),
  images: (pod.spec?.containers ?? []).flatMap(({ image = "" }) => (imageShape.test(image) ? [image] : [])),
  restarts: new Map((pod.status?.containerStatuses ?? []).map(({ name, restartCount = 0 }) => [name, restartCount])),
});

function readiness(name: string, was: SeenPod | undefined, is: SeenPod, known: ReadonlySet<string>): string[] {
  if (is.ready && was?.ready !== true) {
    const fresh = is.images.filter((image) => !known.has(image));
    const instead = [...known].filter((image) => !is.images.includes(image));
    const change =
      fresh.length > 0 && known.size > 0
        ? ` with image ${fresh.join(", ")}${instead.length > 0 ? ` (before: ${instead.join(", ")})` : ""}`
        : "";
    return [`pod ${name} takes connections${change}`];
  }
  return was?.ready === true && !is.ready ? [`pod ${name} is not ready any more`] : [];
}

function restarted(pod: Pod, was: SeenPod | undefined): string[] {
  return (pod.status?.containerStatuses ?? []).flatMap((status) => {
    const { name, restartCount = 0 } = status;
    if (was === undefined || restartCount <= (was.restarts.get(name) ?? 0)) return [];
    return [`container ${name} of pod ${pod.metadata.name} was restarted${how(status)}`];
  });
}

function how({ lastState }: ContainerStatus): string {
  const { reason = "", exitCode } = lastState?.terminated ?? {};
  const said = [...(reasonShape.test(reason) ? [reason] : []), ...(exitCode === undefined ? [] : [`exit ${exitCode}`])];
  return said.length === 0 ? "" : `: ${said.join(", ")}`;
}
