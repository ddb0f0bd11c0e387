/** A connection that a client asked for, which no file declares. */
export interface AdHocRow {
  readonly name: string;
  /** The service as a file would declare it, as JSON. Holds no credential. */
  readonly declaration: string;
}

/** Ad hoc connections of each workspace; they outlive the daemon. One writer, synchronous. */
export interface AdHocStore {
  /** Oldest first. */
  list(workspace: string): readonly AdHocRow[];
  put(workspace: string, row: AdHocRow, atMs: number): void;
  remove(workspace: string, name: string): void;
}
