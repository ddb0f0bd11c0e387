/** The process behind a listening local port. */
export interface PortOwner {
  readonly pid?: number;
  /** The program's name as the system reports it. */
  readonly program?: string;
}

export interface PortOwners {
  /** Who listens on a local TCP port; `undefined` when it cannot be told (another user's process). Takes at most a second. */
  find(port: number): Promise<PortOwner | undefined>;
}

/** Finds the program at the other end of a local connection. */
export interface ConnectionClients {
  /**
   * Asked while the connection is open. `undefined` when it cannot be told, and for most of many that come at once:
   * connections do not wait for it, and it costs little.
   */
  find(peerPort: number, ourPort: number): Promise<PortOwner | undefined>;
}
