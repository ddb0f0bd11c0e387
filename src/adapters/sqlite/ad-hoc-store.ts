import type { Database } from "better-sqlite3";
import type { AdHocRow, AdHocStore } from "#application/ports/ad-hoc-store.ts";

/** Ad hoc connections over an open database. */
export function createAdHocStore(database: Database): AdHocStore {
  const sql = {
    list: database.prepare<[string], AdHocRow>(
      "SELECT name, declaration FROM ad_hoc WHERE workspace = ? ORDER BY at_ms, name",
    ),
    put: database.prepare(
      `INSERT INTO ad_hoc VALUES (@workspace, @name, @declaration, @atMs)
       ON CONFLICT DO UPDATE SET declaration = excluded.declaration, at_ms = excluded.at_ms`,
    ),
    remove: database.prepare("DELETE FROM ad_hoc WHERE workspace = ? AND name = ?"),
  };
  return {
    list: (workspace) => sql.list.all(workspace),
    put: (workspace, { name, declaration }, atMs) => void sql.put.run({ workspace, name, declaration, atMs }),
    remove: (workspace, name) => void sql.remove.run(workspace, name),
  };
}
