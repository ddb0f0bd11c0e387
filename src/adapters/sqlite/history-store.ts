import type { Database } from "better-sqlite3";
import type { ConnectionRecord, EventFilter, HistoryEvent, HistoryStore } from "#application/ports/history-store.ts";
import { connectionOf, connectionRow, eventOf, eventRow, hourOf, type Row } from "./history-rows.ts";

/** So many rows are kept, and none that is older: a few megabytes, whatever happens. */
export const historyLimits = { events: 50_000, connections: 20_000, ageMs: 14 * 86_400_000 } as const;

const hourColumns =
  "wanted_ms, ready_ms, drops, checks, checks_failed, check_ms_sum, connections, bytes_up, bytes_down".split(", ");

/** The history in the tables `event`, `connection`, `service_hour` and `last_ready`. */
export function createHistoryStore(database: Database): HistoryStore {
  const one = (sql: string) => database.prepare<unknown[], number>(sql).pluck();
  const sql = {
    event: database.prepare(
      "INSERT INTO event VALUES (@id, @at_ms, @workspace, @service, @kind, @text, @code, @from_state, @to_state, @asked_by, @untrusted)",
    ),
    connection: database.prepare(
      `INSERT INTO connection (at_ms, workspace, service, pid, program, bytes_up, bytes_down, first_byte_ms, duration_ms, ended)
       VALUES (@at_ms, @workspace, @service, @pid, @program, @bytes_up, @bytes_down, @first_byte_ms, @duration_ms, @ended)`,
    ),
    hour: database.prepare(
      `INSERT INTO service_hour VALUES (@workspace, @service, @hourMs, @wantedMs, @readyMs, @drops, @checks, @checksFailed,
         @checkMsSum, @checkMsMax, @connections, @bytesUp, @bytesDown)
       ON CONFLICT DO UPDATE SET ${hourColumns.map((name) => `${name} = ${name} + excluded.${name}`).join(", ")},
         check_ms_max = max(check_ms_max, excluded.check_ms_max)`,
    ),
    lastReady: database.prepare(
      `INSERT INTO last_ready VALUES (@workspace, @service, @atMs, @by)
       ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, verified_by = excluded.verified_by`,
    ),
    lastId: one("SELECT coalesce(max(id), 0) FROM event"),
    states: database.prepare<unknown[], Row>(
      `SELECT *, max(id) FROM event WHERE workspace = ? AND kind = 'state' AND at_ms <= ? GROUP BY service ORDER BY service`,
    ),
    readyOf: database.prepare<unknown[], { at_ms: number; verified_by: string }>(
      "SELECT at_ms, verified_by FROM last_ready WHERE workspace = ? AND service = ?",
    ),
    recordedFrom: database
      .prepare<unknown[], number | null>("SELECT min(at_ms) FROM event WHERE workspace = ?")
      .pluck(),
    pruneEvents: database.prepare(
      "DELETE FROM event WHERE at_ms < @before OR id <= (SELECT max(id) FROM event) - @keep",
    ),
    pruneConnections: database.prepare(
      "DELETE FROM connection WHERE at_ms < @before OR id <= (SELECT max(id) FROM connection) - @keep",
    ),
    pruneHours: database.prepare("DELETE FROM service_hour WHERE hour_ms < ?"),
    pruneReady: database.prepare("DELETE FROM last_ready WHERE at_ms < ?"),
  };
  const write = database.transaction(({ events, connections, hours, lastReady }) => {
    for (const event of events) sql.event.run(eventRow(event));
    for (const connection of connections) sql.connection.run(connectionRow(connection));
    for (const hour of hours) sql.hour.run(hour);
    for (const ready of lastReady) sql.lastReady.run(ready);
  }) as HistoryStore["write"];
  const prune = database.transaction((nowMs: number) => {
    const before = nowMs - historyLimits.ageMs;
    sql.pruneEvents.run({ before, keep: historyLimits.events });
    sql.pruneConnections.run({ before, keep: historyLimits.connections });
    sql.pruneHours.run(before);
    // A service that nobody has started for long is asked about all the more: ten times the age.
    sql.pruneReady.run(nowMs - 10 * historyLimits.ageMs);
  });
  const search = <T>(
    table: string,
    filter: EventFilter,
    { beforeId, limit }: { beforeId?: number | undefined; limit: number },
    read: (row: Row) => T,
  ) => {
    const { where, values } = condition(table, filter);
    const total =
      database
        .prepare<unknown[], number>(`SELECT count(*) FROM ${table} WHERE ${where}`)
        .pluck()
        .get(...values) ?? 0;
    const rows = database
      .prepare<unknown[], Row>(`SELECT * FROM ${table} WHERE ${where} AND id < ? ORDER BY id DESC LIMIT ?`)
      .all(...values, beforeId ?? Number.MAX_SAFE_INTEGER, limit);
    return { rows: rows.map(read), total };
  };

  return {
    lastEventId: () => sql.lastId.get() ?? 0,
    write: (batch) => write(batch),
    events: (filter, page) => search<HistoryEvent>("event", filter, page, eventOf),
    connections: (filter, page) => search<ConnectionRecord>("connection", filter, page, connectionOf),
    statesAt: (workspace, atMs) => sql.states.all(workspace, atMs).map(eventOf),
    hours: (workspace, sinceMs, service) =>
      database
        .prepare<unknown[], Row>(
          `SELECT * FROM service_hour WHERE workspace = ? AND hour_ms >= ? ${service === undefined ? "" : "AND service = ?"} ORDER BY hour_ms, service`,
        )
        .all(workspace, sinceMs, ...(service === undefined ? [] : [service]))
        .map(hourOf),
    lastReady: (workspace, service) => {
      const row = sql.readyOf.get(workspace, service);
      return row && { workspace, service, atMs: row.at_ms, by: row.verified_by };
    },
    recordedFrom: (workspace) => sql.recordedFrom.get(workspace) ?? undefined,
    prune: (nowMs) => prune(nowMs),
  };
}

/** Every value is bound; only names of ours stand in the text. */
function condition(table: string, filter: EventFilter): { readonly where: string; readonly values: unknown[] } {
  const { workspace, service, orWorkspace, kinds, sinceMs, untilMs, match } = filter;
  const parts: [string, ...unknown[]][] = [["workspace = ?", workspace]];
  if (service !== undefined) {
    parts.push([orWorkspace === true ? "service IN (?, '')" : "service = ?", service]);
  }
  if (kinds !== undefined) parts.push([`kind IN (${kinds.map(() => "?").join(", ")})`, ...kinds]);
  if (sinceMs !== undefined) parts.push(["at_ms >= ?", sinceMs]);
  if (untilMs !== undefined) parts.push(["at_ms <= ?", untilMs]);
  if (match !== undefined) {
    const folded = match.toLowerCase();
    if (table === "event") parts.push(["(instr(lower(text), ?) > 0 OR code = ?)", folded, folded]);
    else parts.push(["(instr(lower(coalesce(program, '')), ?) > 0 OR ended = ?)", folded, folded]);
  }
  return { where: parts.map(([text]) => text).join(" AND "), values: parts.flatMap(([, ...values]) => values) };
}
