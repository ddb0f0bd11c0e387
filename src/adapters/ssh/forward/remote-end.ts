/** The end at the server, as the configuration says it. */
export interface RemoteEnd {
  /** As OpenSSH's `-R` takes it: `localhost`, an address, or empty for all. */
  readonly bind: string;
  /** 0: the server chooses. */
  readonly port: number;
  readonly socket: string | undefined;
}

/** Where its connections go on this machine. */
export type LocalTarget = { readonly host: string; readonly port: number } | { readonly path: string };

export interface RemoteForwardParts {
  readonly via: string;
  /** The server's name, for people. */
  readonly host: string;
  readonly end: RemoteEnd;
  readonly target: LocalTarget;
  /** The port that the server chose the last time, where it is to choose. */
  readonly before: number | undefined;
  /** When a connection of ours that had this port was lost, in performance time. */
  readonly lostMs: number | undefined;
}

/** Where the server itself reaches what it listens on. */
export const reachable = (bind: string): string =>
  bind === "" || bind === "*" || bind === "0.0.0.0" || bind === "localhost"
    ? "127.0.0.1"
    : bind === "::"
      ? "::1"
      : bind;
