import type { Database } from "better-sqlite3";
import type { ClusterPins } from "#application/ports/cluster-pins.ts";

interface Row {
  readonly server: string;
  readonly authority: string;
  readonly uid: string | null;
}

/** Pinned clusters over an open database. */
export function createClusterPins(database: Database): ClusterPins {
  const sql = {
    get: database.prepare<[string, string], Row>(
      "SELECT server, authority, uid FROM cluster_pin WHERE folder = ? AND context = ?",
    ),
    set: database.prepare(
      `INSERT INTO cluster_pin VALUES (@folder, @context, @server, @authority, @uid)
       ON CONFLICT DO UPDATE SET server = excluded.server, authority = excluded.authority, uid = excluded.uid`,
    ),
    forget: database.prepare("DELETE FROM cluster_pin WHERE context = ?"),
  };
  return {
    get(folder, context) {
      const row = sql.get.get(folder, context);
      return row && { server: row.server, authority: row.authority, ...(row.uid !== null && { uid: row.uid }) };
    },
    set: (folder, context, { server, authority, uid }) =>
      void sql.set.run({ folder, context, server, authority, uid: uid ?? null }),
    forget: (context) => sql.forget.run(context).changes,
  };
}
