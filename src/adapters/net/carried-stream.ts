import type { Duplex } from "node:stream";
import type { Clock } from "#application/ports/clock.ts";
import type { RelayOutcome } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ByteSource } from "./byte-source.ts";
import { reset } from "./relay.ts";

/**
 * A stream that stands for bytes which another process carries between the client's own socket and the target. Nothing
 * can be read from it or written to it. Its `end` is the target's end of output, after the last byte was handed to the
 * client's socket, and the carrier reads that socket no more; an error with `close` says what cut it; a `close` without
 * either means that the client went away.
 */
export interface CarriedStream {
  readonly carriedElsewhere: true;
}

/** Whether a stream is one. */
export const isCarried = (stream: Duplex): stream is Duplex & CarriedStream => "carriedElsewhere" in stream;

/** Does with the client's socket what the carrier leaves to us: passes the target's end on, or a reset. Never rejects. */
export function followCarried(
  client: ByteSource,
  target: Duplex & CarriedStream,
  clock: Pick<Clock, "monotonicMs">,
): Promise<RelayOutcome> {
  const startedMs = clock.monotonicMs();
  const { stream } = client;
  return new Promise((resolve) => {
    let cause: unknown = target.errored ?? undefined;
    let targetEnded = false;
    const finish = (ended: RelayOutcome["ended"]): void => {
      if (ended === "closed") stream.destroy();
      else reset(stream);
      target.destroy();
      resolve({ durationMs: clock.monotonicMs() - startedMs, ended });
    };
    const targetClosed = (): void => {
      if (cause !== undefined) finish(lostBy(cause));
      else if (!targetEnded) finish("reset_by_client");
      else if (stream.readableEnded) finish("closed");
    };
    stream.once("close", () => finish(targetEnded && stream.readableEnded ? "closed" : "reset_by_client"));
    if (target.destroyed) return targetClosed();
    target.on("error", (error) => (cause ??= error));
    target.once("close", targetClosed);
    target.once("end", () => {
      targetEnded = true;
      stream.end();
      stream.once("end", () => {
        if (target.closed) finish("closed");
      });
      client.receive(() => {
        // A target that has ended takes no more; a server that closed would answer the same.
        finish("reset_by_target");
        return false;
      }, false);
      client.resume();
    });
    target.resume();
  });
}

const lostBy = (error: unknown): RelayOutcome["ended"] =>
  error instanceof ConnectivityError && error.facts["reset_by"] === "target" ? "reset_by_target" : "connection_lost";
