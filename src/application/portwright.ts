import type { ClientHello, ClientSession } from "./client.ts";

/** The whole application, as the daemon sees it: clients come and go, the wanted state stays. */
export interface Portwright {
  /** A client arrives. Its session ends when it is disposed. */
  connect(hello: ClientHello): Promise<ClientSession>;
  /** Brings back up what was wanted when the last daemon ended. */
  restore(): Promise<void>;
  status(): {
    readonly services: { readonly wanted: number; readonly ready: number; readonly defined: number };
    /** Forwarded connections that are open now. */
    readonly connections: number;
  };
  /** Closes every forward and listener; the wanted state stays stored. */
  close(): Promise<void>;
}
