import type { Database } from "better-sqlite3";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Each entry takes the schema from version n (its index) to n + 1. Never edit one that was released: add another. */
const migrations: readonly string[] = [
  `
  CREATE TABLE wanted (
    workspace TEXT NOT NULL, service TEXT NOT NULL, since_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, service)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lease (
    workspace TEXT NOT NULL, service TEXT NOT NULL, client_id TEXT NOT NULL, client_name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, service, client_id),
    FOREIGN KEY (workspace, service) REFERENCES wanted ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lease_by_client ON lease (client_id);
  CREATE TABLE remembered_port (
    workspace TEXT NOT NULL, service TEXT NOT NULL, port INTEGER NOT NULL,
    PRIMARY KEY (workspace, service)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE workspace (path TEXT PRIMARY KEY, used_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE event (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, workspace TEXT NOT NULL, service TEXT NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL, code TEXT, from_state TEXT, to_state TEXT, asked_by TEXT, untrusted TEXT
  ) STRICT;
  CREATE INDEX event_by_service ON event (workspace, service, kind);
  CREATE TABLE connection (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, workspace TEXT NOT NULL, service TEXT NOT NULL,
    pid INTEGER, program TEXT, bytes_up INTEGER NOT NULL, bytes_down INTEGER NOT NULL,
    first_byte_ms INTEGER, duration_ms INTEGER NOT NULL, ended TEXT NOT NULL
  ) STRICT;
  CREATE INDEX connection_by_service ON connection (workspace, service);
  CREATE TABLE service_hour (
    workspace TEXT NOT NULL, service TEXT NOT NULL, hour_ms INTEGER NOT NULL,
    wanted_ms INTEGER NOT NULL, ready_ms INTEGER NOT NULL, drops INTEGER NOT NULL,
    checks INTEGER NOT NULL, checks_failed INTEGER NOT NULL, check_ms_sum INTEGER NOT NULL, check_ms_max INTEGER NOT NULL,
    connections INTEGER NOT NULL, bytes_up INTEGER NOT NULL, bytes_down INTEGER NOT NULL,
    PRIMARY KEY (workspace, service, hour_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE last_ready (
    workspace TEXT NOT NULL, service TEXT NOT NULL, at_ms INTEGER NOT NULL, verified_by TEXT NOT NULL,
    PRIMARY KEY (workspace, service)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE cluster_pin (
    folder TEXT NOT NULL, context TEXT NOT NULL, server TEXT NOT NULL, authority TEXT NOT NULL, uid TEXT,
    PRIMARY KEY (folder, context)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE generation (
    workspace TEXT NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, digest TEXT NOT NULL, origin TEXT NOT NULL,
    made_by TEXT NOT NULL, summary TEXT NOT NULL, rolled_back INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL,
    PRIMARY KEY (workspace, number)
  ) STRICT;
  CREATE TABLE in_force (
    workspace TEXT PRIMARY KEY, number INTEGER NOT NULL, refused_digest TEXT, refused_reason TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE plan (
    id TEXT PRIMARY KEY, workspace TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER, digest TEXT NOT NULL,
    state TEXT NOT NULL, approved_digest TEXT, approved_ms INTEGER, sealed BLOB NOT NULL
  ) STRICT;
  CREATE INDEX plan_by_workspace ON plan (workspace, state);
  CREATE TABLE apply_journal (plan TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE trust (workspace TEXT PRIMARY KEY, digest TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, workspace TEXT NOT NULL, made_by TEXT NOT NULL,
    did TEXT NOT NULL, plan TEXT, generation INTEGER, text TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_workspace ON audit (workspace, id);
  `,
  `
  CREATE TABLE ad_hoc (
    workspace TEXT NOT NULL, name TEXT NOT NULL, declaration TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
  ) STRICT, WITHOUT ROWID;
  `,
];

/** The newest schema that this program knows. */
export const schemaVersion = migrations.length;

/**
 * Brings the schema to `schemaVersion`, one transaction a step, so that a crash leaves a whole version.
 * @throws ConnectivityError `not_supported` when a newer Portwright wrote the file
 */
export function migrate(database: Database): void {
  const found = database.pragma("user_version", { simple: true }) as number;
  if (found > schemaVersion) {
    throw new ConnectivityError("not_supported", "the stored state was written by a newer Portwright; use that one", {
      schema: found,
      known: schemaVersion,
    });
  }
  for (let version = found; version < schemaVersion; version++) {
    database.transaction(() => {
      database.exec(migrations[version] ?? "");
      database.pragma(`user_version = ${version + 1}`);
    })();
  }
}
