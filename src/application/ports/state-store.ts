/** Who wants a service up: a client, for as long as its shim lives. */
export interface LeaseHolder {
  readonly clientId: string;
  readonly clientName: string;
}

/** A service that somebody wants up; survives the daemon. */
export interface WantedService {
  /** Absolute path of the workspace's file. */
  readonly workspace: string;
  readonly service: string;
}

/** What must outlive the daemon. One writer; every method is one transaction and synchronous (SQLite on a local disk). */
export interface StateStore {
  wanted(): readonly WantedService[];
  setWanted(wanted: WantedService, holder: LeaseHolder, atMs: number): void;
  clearWanted(wanted: WantedService): void;

  leases(wanted: WantedService): readonly LeaseHolder[];
  dropLease(wanted: WantedService, clientId: string): void;
  /** Drops all leases of a client that went away. What it wanted stays wanted. */
  dropClient(clientId: string): void;

  /** The port that a service without one was given before. */
  rememberedPort(wanted: WantedService): number | undefined;
  rememberPort(wanted: WantedService, port: number): void;

  lastWorkspace(): string | undefined;
  rememberWorkspace(path: string, atMs: number): void;
}
