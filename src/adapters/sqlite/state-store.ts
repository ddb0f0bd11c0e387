import type { Database } from "better-sqlite3";
import type { LeaseHolder, StateStore, WantedService } from "#application/ports/state-store.ts";

/** What is wanted, by whom, and the ports that were given, over an open database. */
export function createStateStore(database: Database): StateStore {
  const sql = {
    wanted: database.prepare<[], WantedService>(
      "SELECT workspace, service FROM wanted ORDER BY since_ms, workspace, service",
    ),
    want: database.prepare("INSERT INTO wanted VALUES (@workspace, @service, @atMs) ON CONFLICT DO NOTHING"),
    lease: database.prepare(
      `INSERT INTO lease VALUES (@workspace, @service, @clientId, @clientName, @atMs)
       ON CONFLICT DO UPDATE SET client_name = excluded.client_name, at_ms = excluded.at_ms`,
    ),
    unwant: database.prepare("DELETE FROM wanted WHERE workspace = @workspace AND service = @service"),
    leases: database.prepare<[WantedService], LeaseHolder>(
      `SELECT client_id AS clientId, client_name AS clientName FROM lease
       WHERE workspace = @workspace AND service = @service ORDER BY at_ms, client_id`,
    ),
    dropLease: database.prepare(
      "DELETE FROM lease WHERE workspace = @workspace AND service = @service AND client_id = @clientId",
    ),
    dropClient: database.prepare("DELETE FROM lease WHERE client_id = ?"),
    port: database
      .prepare<[WantedService], number>(
        "SELECT port FROM remembered_port WHERE workspace = @workspace AND service = @service",
      )
      .pluck(),
    rememberPort: database.prepare(
      "INSERT INTO remembered_port VALUES (@workspace, @service, @port) ON CONFLICT DO UPDATE SET port = excluded.port",
    ),
    lastWorkspace: database
      .prepare<[], string>("SELECT path FROM workspace ORDER BY used_ms DESC, path LIMIT 1")
      .pluck(),
    rememberWorkspace: database.prepare(
      "INSERT INTO workspace VALUES (?, ?) ON CONFLICT DO UPDATE SET used_ms = excluded.used_ms",
    ),
  };
  const want = database.transaction((wanted: WantedService, holder: LeaseHolder, atMs: number) => {
    sql.want.run({ ...wanted, atMs });
    sql.lease.run({ ...wanted, ...holder, atMs });
  });

  return {
    wanted: () => sql.wanted.all(),
    setWanted: (wanted, holder, atMs) => want(key(wanted), holder, atMs),
    clearWanted: (wanted) => void sql.unwant.run(key(wanted)),
    leases: (wanted) => sql.leases.all(key(wanted)),
    dropLease: (wanted, clientId) => void sql.dropLease.run({ ...key(wanted), clientId }),
    dropClient: (clientId) => void sql.dropClient.run(clientId),
    rememberedPort: (wanted) => sql.port.get(key(wanted)),
    rememberPort: (wanted, port) => void sql.rememberPort.run({ ...key(wanted), port }),
    lastWorkspace: () => sql.lastWorkspace.get(),
    rememberWorkspace: (path, atMs) => void sql.rememberWorkspace.run(path, atMs),
  };
}

/** Only the two columns: a caller's richer object would bring parameters that the statement does not know. */
const key = ({ workspace, service }: WantedService): WantedService => ({ workspace, service });
