import type { Client } from "ssh2";

/** Private to ssh2 (kex.js): the server's offer, from when it came until the exchange is over; `finish` lets go of it. */
interface ExchangeInternals {
  readonly ["_protocol"]?: {
    readonly ["_kex"]?: { readonly ["_remoteKexinit"]?: Buffer | undefined };
  };
}

/** Whether a connection is amid a key exchange, the first or a later one: ssh2 has no event for its beginning. */
export function exchangesKeys(client: Client): boolean {
  const exchange = (client as unknown as ExchangeInternals)["_protocol"]?.["_kex"];
  // Where ssh2 does not name it so any more, nothing is known: then always.
  return !exchange || !("_remoteKexinit" in exchange) || exchange["_remoteKexinit"] !== undefined;
}
