import type { ConnectionRecord, HistoryEvent, HourOfService } from "#application/ports/history-store.ts";

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, string | number | null>>;

const text = (value: Row[string] | undefined): string => String(value ?? "");
const number = (value: Row[string] | undefined): number => Number(value ?? 0);

/** An event as the table has it. */
export const eventRow = (event: HistoryEvent): object => ({
  id: event.id,
  at_ms: event.atMs,
  workspace: event.workspace,
  service: event.service,
  kind: event.kind,
  text: event.text,
  code: event.code ?? null,
  from_state: event.change?.from ?? null,
  to_state: event.change?.to ?? null,
  asked_by: event.by ?? null,
  untrusted: event.untrusted ?? null,
});

export const eventOf = (row: Row): HistoryEvent => ({
  id: number(row["id"]),
  atMs: number(row["at_ms"]),
  workspace: text(row["workspace"]),
  service: text(row["service"]),
  kind: text(row["kind"]) as HistoryEvent["kind"],
  text: text(row["text"]),
  ...(row["code"] !== null && { code: text(row["code"]) as NonNullable<HistoryEvent["code"]> }),
  ...(row["to_state"] !== null && {
    change: { from: text(row["from_state"]), to: text(row["to_state"]) } as NonNullable<HistoryEvent["change"]>,
  }),
  ...(row["asked_by"] !== null && { by: text(row["asked_by"]) }),
  ...(row["untrusted"] !== null && { untrusted: text(row["untrusted"]) }),
});

/** In the table, for bytes that were not counted. */
const uncounted = -1;

/** A connection as the table has it. */
export const connectionRow = (record: Omit<ConnectionRecord, "id">): object => ({
  at_ms: record.atMs,
  workspace: record.workspace,
  service: record.service,
  pid: record.client?.pid ?? null,
  program: record.client?.program ?? null,
  bytes_up: record.bytesUp ?? uncounted,
  bytes_down: record.bytesDown ?? uncounted,
  first_byte_ms: record.firstByteMs ?? null,
  duration_ms: record.durationMs,
  ended: record.ended,
});

export const connectionOf = (row: Row): ConnectionRecord => ({
  id: number(row["id"]),
  atMs: number(row["at_ms"]),
  workspace: text(row["workspace"]),
  service: text(row["service"]),
  ...(row["pid"] !== null && {
    client: { pid: number(row["pid"]), ...(row["program"] !== null && { program: text(row["program"]) }) },
  }),
  ...(row["bytes_up"] !== uncounted && { bytesUp: number(row["bytes_up"]) }),
  ...(row["bytes_down"] !== uncounted && { bytesDown: number(row["bytes_down"]) }),
  ...(row["first_byte_ms"] !== null && { firstByteMs: number(row["first_byte_ms"]) }),
  durationMs: number(row["duration_ms"]),
  ended: text(row["ended"]) as ConnectionRecord["ended"],
});

export const hourOf = (row: Row): HourOfService => ({
  workspace: text(row["workspace"]),
  service: text(row["service"]),
  hourMs: number(row["hour_ms"]),
  wantedMs: number(row["wanted_ms"]),
  readyMs: number(row["ready_ms"]),
  drops: number(row["drops"]),
  checks: number(row["checks"]),
  checksFailed: number(row["checks_failed"]),
  checkMsSum: number(row["check_ms_sum"]),
  checkMsMax: number(row["check_ms_max"]),
  connections: number(row["connections"]),
  bytesUp: number(row["bytes_up"]),
  bytesDown: number(row["bytes_down"]),
});
