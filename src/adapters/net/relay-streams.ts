import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { RelayOutcome, Undelivered } from "#application/ports/local-listener.ts";
import { streamSource } from "./byte-source.ts";
import { isDirect } from "./direct-stream.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { relay } from "./relay.ts";
import { socketSource } from "./socket-source.ts";

const clock = { monotonicMs: () => performance.now() };

/** Joins a stream that clients come by with a socket to the target, as `relay` does. Never rejects. */
export function relayStreams(
  client: Duplex,
  target: Socket,
  buffers: ReadBuffers,
): Promise<RelayOutcome | Undelivered> {
  const source = isDirect(client) ? client.source() : streamSource(client);
  return relay(source, { bytes: [], ended: false }, socketSource(target, buffers), clock, buffers);
}
