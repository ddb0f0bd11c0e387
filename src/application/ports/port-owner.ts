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
