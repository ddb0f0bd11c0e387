import type { Probe } from "#application/ports/probe.ts";
import { probeFailure, runExchange } from "./exchange.ts";

/** A refusal comes back on the tunnel's error stream, or as a closed channel, within a round trip or two. */
const refusalWithinMs = 250;

/**
 * A connection that is not refused: all that can be told of a protocol that is not known. A byte from the server proves
 * it at once; a server that closes at once without a byte does not serve.
 */
export const tcpProbe: Probe<"tcp"> = {
  run: (_check, path, { signal }) =>
    runExchange(path, signal, async (exchange, phases) => {
      await exchange.settle(refusalWithinMs);
      phases.done("settle");
      if (exchange.received.length === 0 && exchange.ended) {
        throw probeFailure("target_port_closed", "the target closed the connection at once", { closed: true });
      }
      return { by: "tcp" };
    }),
};
