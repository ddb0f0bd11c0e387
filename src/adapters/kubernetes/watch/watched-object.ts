import type { ObjectMeta } from "#domain/kubernetes/pod.ts";

export interface WatchedObject {
  readonly metadata: ObjectMeta;
}
