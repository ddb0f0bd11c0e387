import type { StateStore } from "#application/ports/state-store.ts";
import type { Portwright } from "#application/portwright.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Stands in until the adapters are there. */
export function compose(_store: StateStore): Portwright {
  throw new ConnectivityError("not_supported", "this build has no application yet");
}
