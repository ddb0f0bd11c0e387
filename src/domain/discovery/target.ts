/** Something that can be connected, as a source found it. Every text but `hints` may be shown. */
export interface FoundTarget {
  readonly kind: TargetSourceKind;
  /** What `connect` takes as it is: `staging/data/service/postgres:5432`. */
  readonly target: string;
  /** The object without its port: two ports of one service are one object. */
  readonly object: string;
  readonly name: string;
  /** Where it is: context and namespace, host, file. */
  readonly places: readonly string[];
  readonly port?: number | undefined;
  readonly portName?: string | undefined;
  /** As guessed: `postgres`. */
  readonly protocol?: string | undefined;
  /** `service`, `deployment`, …; of a cluster only. */
  readonly resource?: string | undefined;
  readonly ready?: boolean | undefined;
  /** `2 of 3`, of pods. */
  readonly pods?: string | undefined;
  /** In the current context, or used by this workspace. */
  readonly current?: boolean | undefined;
  /** The object that leads to it: a service, for the workload and pods that it selects. */
  readonly behind?: string | undefined;
  /** Words to be found by, never shown: images, labels. */
  readonly hints: readonly string[];
  /** Who listens, where it is defined: small, ours. */
  readonly detail?: Readonly<Record<string, string | number>> | undefined;
}

export type TargetSourceKind = "kubernetes" | "ssh" | "local" | "compose";

/** What could not be read, and why. */
export interface Unreadable {
  /** `context staging`, `services in context staging`, `~/.ssh/config`. */
  readonly what: string;
  readonly code: string;
  readonly why: string;
  /** What the other side said: evidence. */
  readonly untrusted?: string;
}
