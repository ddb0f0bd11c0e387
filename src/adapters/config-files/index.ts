import type { ConfigSource } from "#application/ports/config-source.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Stands in until the reader is there. */
export function createConfigSource(): ConfigSource {
  throw new ConnectivityError("not_supported", "this build reads no configuration yet");
}
