import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isoInZone } from "#domain/time.ts";
import type { ConnectionRecord, HistoryEvent, HourOfService } from "../ports/history-store.ts";

/** Text from outside that belongs to a row; shown once for all, fenced. */
export interface Untrusted {
  readonly text: string;
}

/** An event in an answer. */
export const eventRow = (
  { atMs, service, kind, text, code, by }: HistoryEvent,
  timeZone: string | undefined,
): object => ({
  at: isoInZone(atMs, timeZone),
  ...(service !== "" && { service }),
  kind,
  text,
  ...(code && { code }),
  ...(by !== undefined && { by }),
});

/** A forwarded connection in an answer. */
export const connectionRow = (record: ConnectionRecord, timeZone: string | undefined): object => {
  const { atMs, service, client, bytesUp, bytesDown, firstByteMs, durationMs, ended } = record;
  return {
    at: isoInZone(atMs, timeZone),
    service,
    ...(client && { client: `${client.program ?? "program"} (pid ${client.pid})` }),
    ...(bytesUp !== undefined && { bytes_up: bytesUp }),
    ...(bytesDown !== undefined && { bytes_down: bytesDown }),
    ...(firstByteMs !== undefined && { first_byte_ms: firstByteMs }),
    duration_ms: durationMs,
    ended,
  };
};

const share = (part: number, whole: number): number => Math.round((1000 * part) / whole) / 10;

/** An hour of a service in an answer: how long of the time that it was wanted it was ready, and what its checks said. */
export const healthRow = (hour: HourOfService, timeZone: string | undefined): object => ({
  hour: isoInZone(hour.hourMs, timeZone),
  service: hour.service,
  ...(hour.wantedMs > 0 && { ready_percent: share(hour.readyMs, hour.wantedMs) }),
  drops: hour.drops,
  checks: hour.checks,
  checks_failed: hour.checksFailed,
  ...(hour.checks > 0 && { check_ms: Math.round(hour.checkMsSum / hour.checks), check_ms_max: hour.checkMsMax }),
});

/** An hour of a service's connections in an answer. */
export const metricsRow = (hour: HourOfService, timeZone: string | undefined): object => ({
  hour: isoInZone(hour.hourMs, timeZone),
  service: hour.service,
  connections: hour.connections,
  bytes_up: hour.bytesUp,
  bytes_down: hour.bytesDown,
  ready_s: Math.round(hour.readyMs / 1000),
});

/** The id that a `next_cursor` names. @throws ConnectivityError `invalid_arguments` */
export function cursorId(cursor: string): number {
  if (/^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw new ConnectivityError("invalid_arguments", "cursor is not one of ours: take next_cursor of the last answer", {
    argument: "cursor",
  });
}
