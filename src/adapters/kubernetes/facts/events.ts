import { timeOf, type ClusterEvent } from "#domain/kubernetes/detail.ts";
import type { ClusterReader } from "./cluster-reader.ts";

interface EventObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly fieldPath?: string };
}

const eventsRead = "300";
const messageKept = 1024;

/** Warnings of a namespace, newest first, at most 300. @throws ConnectivityError as `ClusterApi.json` */
export async function readEvents(reader: ClusterReader, namespace: string): Promise<readonly ClusterEvent[]> {
  const items = await reader.list<EventObject>("/api/v1", "events", namespace, {
    limit: eventsRead,
    fieldSelector: "type=Warning",
  });
  return items.map(clusterEvent).toSorted((a, b) => b.lastMs - a.lastMs);
}

function clusterEvent(event: EventObject): ClusterEvent {
  const { kind = "", name = "", fieldPath = "" } = event.involvedObject ?? {};
  const container = /^spec\.(?:initC|c)ontainers\{([a-z0-9-]{1,63})\}$/.exec(fieldPath)?.[1];
  return {
    type: event.type === "Warning" ? "Warning" : "Normal",
    // Any program may write events: a reason that is no identifier is text from outside.
    reason: /^[A-Za-z][A-Za-z0-9]{0,63}$/.test(event.reason ?? "") ? (event.reason ?? "") : "Other",
    object: `${kind}/${name}`,
    ...(container !== undefined && { container }),
    count: event.series?.count ?? event.count ?? 1,
    lastMs: timeOf(event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime),
    untrusted: (event.message ?? "").slice(0, messageKept),
  };
}
