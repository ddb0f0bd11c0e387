import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Stage } from "./stage.ts";

/** A pod as the cluster tells it, as far as a fault waits for it. */
export interface StagedPod {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status: {
    readonly phase?: string;
    readonly containerStatuses?: readonly StagedContainer[];
    readonly initContainerStatuses?: readonly StagedContainer[];
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

export interface StagedContainer {
  readonly name: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly running?: object;
    readonly terminated?: { readonly reason?: string };
  };
  readonly lastState?: { readonly terminated?: { readonly reason?: string } };
}

/** One fault: how it is staged, how a user declares the service, and what must be told. */
export interface Fault {
  readonly title: string;
  /** The root cause; `undefined`: a healthy scenario, in which nothing may be found. */
  readonly code: ErrorCode | undefined;
  /** Two faults, or a cause several services away. */
  readonly compound?: boolean;
  /** Where the root cause lies, when it is not the asked service. */
  readonly at?: string;
  /** Codes that must be among the other, independent causes. */
  readonly also?: readonly ErrorCode[];
  /** What must stand in the answer outside `untrusted`. */
  readonly evidence?: readonly RegExp[];
  /** What may not stand there. */
  readonly never?: readonly RegExp[];
  /** Objects of the cluster; their pods carry `app: NAME`, NAME beginning with the fault's. */
  readonly manifests?: (stage: Stage) => readonly object[];
  /** Quotas and the like hold for a whole namespace: then it has one of its own. */
  readonly ownNamespace?: boolean;
  /** Whether the pods of the manifests have come to where they are to be. */
  readonly until?: (pods: readonly StagedPod[]) => boolean;
  /** Servers, files, relays of the fault's own; disposed after it. */
  readonly setUp?: (stage: Stage) => Promise<void>;
  /** Services of the file, in YAML, each with two blanks and a dash before it; the asked one is `it`. */
  readonly services: (stage: Stage) => string | readonly string[];
  /** Variables that the client brings. */
  readonly env?: (stage: Stage) => Readonly<Record<string, string>>;
  /** `null`: the whole environment. Default: `it`. */
  readonly ask?: string | null;
  /** Default: everything is started first, and given this long to become what it is. */
  readonly start?: boolean;
  /** Breaks it after it was ready. */
  readonly breakIt?: (stage: Stage) => Promise<void> | void;
}

/** Checks the shape; each folder's `fault.ts` has one as its default export. */
export const defineFault = (fault: Fault): Fault => fault;

const statuses = (pod: StagedPod): readonly StagedContainer[] => [
  ...(pod.status.containerStatuses ?? []),
  ...(pod.status.initContainerStatuses ?? []),
];

/** A container that waits with a reason. */
export const waitsWith =
  (reason: RegExp) =>
  (pods: readonly StagedPod[]): boolean =>
    pods.some((pod) => statuses(pod).some(({ state }) => reason.test(state?.waiting?.reason ?? "")));

/** Restarted at least so often. */
export const restarted =
  (times: number) =>
  (pods: readonly StagedPod[]): boolean =>
    pods.some((pod) => statuses(pod).some(({ restartCount }) => restartCount >= times));

/** So many pods are ready. */
export const ready =
  (count: number) =>
  (pods: readonly StagedPod[]): boolean =>
    pods.filter(({ status }) => status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"))
      .length >= count;

export const unschedulable = (pods: readonly StagedPod[]): boolean =>
  pods.some(({ status }) => status.conditions?.some(({ reason }) => reason === "Unschedulable"));

export const running = (pods: readonly StagedPod[]): boolean =>
  pods.some((pod) => statuses(pod).some(({ state }) => state?.running !== undefined));

/** All of several. */
export const all =
  (...conditions: readonly ((pods: readonly StagedPod[]) => boolean)[]) =>
  (pods: readonly StagedPod[]): boolean =>
    conditions.every((condition) => condition(pods));
