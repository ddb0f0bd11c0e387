import { toConnectivityError } from "#domain/connectivity-error.ts";
import type { Pod } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { LogLine, LogQuery, LogStream, ServiceLog } from "#application/ports/service-logs.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import { readBody } from "./api/read-body.ts";

/** Streams read for one question: newest pods first, the container before a restart beside the running one. */
const mostStreams = 12;
const bytesPerStream = 512 * 1024;
const longestLine = 2000;
/** `2026-11-23T10:01:57.123456789Z text` (RFC 3339, by `timestamps=true`). */
const stamped = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?(.*)$/;

interface Reading {
  readonly api: ClusterApi;
  readonly namespace: string;
  readonly access: Access;
  readonly signal: AbortSignal;
}

/**
 * The log of pods by time, the previous container's too: what a crash said stands there. A stream that cannot be read is
 * told as such; the others are there.
 * @throws ConnectivityError when none can be read: `permission_denied` (`get` on `pods/log`), `cluster_unreachable`
 */
export async function readPodLogs(reading: Reading, pods: readonly Pod[], query: LogQuery): Promise<ServiceLog> {
  const newest = pods.toSorted((left, right) => createdMs(right) - createdMs(left));
  const streams = newest.flatMap(streamsOf).slice(0, mostStreams);
  const read = await Promise.allSettled(streams.map((stream) => readStream(reading, stream, query)));
  reading.signal.throwIfAborted();
  const failures = read.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (failures.length > 0 && failures.length === read.length) throw failures[0];
  return {
    streams: streams.map((stream, index) => {
      const result = read[index];
      if (result?.status === "fulfilled") return { ...stream, lines: result.value.length };
      return { ...stream, lines: 0, problem: toConnectivityError(result?.reason).message };
    }),
    lines: read
      .flatMap((result) => (result.status === "fulfilled" ? result.value : []))
      .toSorted((left, right) => left.atMs - right.atMs),
  };
}

const createdMs = ({ metadata }: Pod): number => Date.parse(metadata.creationTimestamp ?? "") || 0;

/** Containers that have or had a life: one that waits for its image has no log. */
function streamsOf(pod: Pod): LogStream[] {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.flatMap(({ name, state, lastState }) => {
    const stream = { pod: pod.metadata.name, container: name };
    return [
      ...(state?.running || state?.terminated ? [{ ...stream, previous: false }] : []),
      ...(lastState?.terminated ? [{ ...stream, previous: true }] : []),
    ];
  });
}

/** Epoch milliseconds to the microsecond: lines of a burst keep their order, and a page ends between two of them. */
function preciseMs(at: string): number {
  const fraction = /\.(\d{1,6})/.exec(at)?.[1]?.padEnd(6, "0") ?? "0";
  return Math.floor(Date.parse(at) / 1000) * 1000 + Number(fraction) / 1000;
}

async function readStream(
  { api, namespace, access, signal }: Reading,
  stream: LogStream,
  { sinceMs, untilMs = Number.MAX_SAFE_INTEGER, match, lines }: LogQuery,
): Promise<LogLine[]> {
  const { pod, container, previous } = stream;
  const response = await api.stream({
    path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/log`,
    query: {
      container,
      timestamps: "true",
      limitBytes: String(bytesPerStream),
      ...(previous && { previous: "true" }),
      // From a moment on all are wanted; without one the newest.
      ...(sinceMs === undefined ? { tailLines: String(lines) } : { sinceTime: new Date(sinceMs).toISOString() }),
    },
    subject: { verb: "get", resource: "pods/log", namespace, name: pod },
    access,
    signal,
  });
  const text = await readBody(response, 2 * bytesPerStream, signal, api.context);
  const wanted = match?.toLowerCase();
  let atMs = sinceMs ?? 0;
  return text
    .split("\n")
    .flatMap((line) => {
      const [, at, said = line] = stamped.exec(line) ?? [];
      atMs = at === undefined ? atMs : preciseMs(at);
      const kept = said !== "" && atMs >= (sinceMs ?? 0) && atMs <= untilMs;
      if (!kept || (wanted !== undefined && !said.toLowerCase().includes(wanted))) return [];
      return [{ atMs, stream, text: said.slice(0, longestLine) }];
    })
    .slice(-lines);
}
