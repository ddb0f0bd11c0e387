import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Stands in until the demo is there. */
export function runDemo(_args: readonly string[]): Promise<number> {
  throw new ConnectivityError("not_supported", "this build has no demo yet");
}
