import type { Duplex } from "node:stream";
import { Socket } from "node:net";
import type { Clock } from "#application/ports/clock.ts";
import type { RelayOutcome, Undelivered } from "#application/ports/local-listener.ts";
import { ConnectivityError, isUndelivered } from "#domain/connectivity-error.ts";
import type { ByteSource, Tenure } from "./byte-source.ts";
import { isDirect } from "./direct-stream.ts";
import { GatheringWriter } from "./gathering-writer.ts";
import { KeptInput } from "./kept-input.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { isPlainSocket } from "./socket-source.ts";

/** What came from the client before the relay. */
export interface EarlyInput {
  /** In order. */
  readonly bytes: readonly Buffer[];
  readonly ended: boolean;
}

/** Cuts a stream so that the peer sees a reset (TCP: RST), not an end. */
export function reset(stream: Duplex): void {
  if (stream.destroyed) return;
  if (!(stream instanceof Socket) || !isPlainSocket(stream)) {
    stream.destroy();
    return;
  }
  try {
    stream.resetAndDestroy();
  } catch {
    // A pipe has no reset.
    stream.destroy();
  }
}

/**
 * Carries bytes both ways until both sides are done, holding no more than one chunk and the sink's own buffer per
 * direction. An end of input is passed on as an end, and only that: whatever else ends one side resets the other, so a
 * cut answer never looks complete. The client's reset is noticed while it is read or written to, thus not while a
 * stalled target holds its input back. Never rejects.
 *
 * `kept` is filled with the client's bytes until the target answers; a relay that ends `undelivered` leaves the client
 * open, and what it sent in there.
 */
export function relay(
  client: ByteSource,
  early: EarlyInput,
  target: ByteSource,
  clock: Pick<Clock, "monotonicMs">,
  buffers: ReadBuffers,
  kept = new KeptInput(),
): Promise<RelayOutcome | Undelivered> {
  const startedMs = clock.monotonicMs();
  let bytesUp = 0;
  let bytesDown = 0;
  let firstByteMs: number | undefined;
  return new Promise((resolve) => {
    let settled = false;
    let directionsLeft = 2;
    let clientEnded = early.ended;
    let targetError: unknown;

    const settle = (ended: RelayOutcome["ended"]): void => {
      if (settled) return;
      settled = true;
      const durationMs = clock.monotonicMs() - startedMs;
      resolve({ bytesUp, bytesDown, durationMs, ...(firstByteMs !== undefined && { firstByteMs }), ended });
    };
    const undelivered = (): void => {
      settled = true;
      resolve({ ended: "undelivered" });
    };
    const cut = (ended: RelayOutcome["ended"]): void => {
      if (settled) return;
      settle(ended);
      reset(client.stream);
      reset(target.stream);
    };
    const directionDone = (): void => {
      directionsLeft--;
      if (directionsLeft === 0) settle("closed");
    };
    const targetLost = (): void => {
      if (settled) return;
      if (isUndelivered(targetError) && kept.whole !== undefined && !client.stream.destroyed) return undelivered();
      cut(
        targetError === undefined ||
          (targetError instanceof ConnectivityError &&
            targetError.code === "connection_lost" &&
            targetError.facts["reset_by"] !== "target")
          ? "connection_lost"
          : "reset_by_target",
      );
    };

    // Errors are followed by `close`, which decides; the listeners stay, a late error has no one else to go to.
    client.stream.on("error", () => undefined);
    target.stream.on("error", (error) => (targetError ??= error));
    client.stream.once("close", () => {
      if (!client.stream.readableEnded || !client.stream.writableFinished) cut("reset_by_client");
    });
    target.stream.once("close", () => {
      if (targetError !== undefined || !target.stream.readableEnded) targetLost();
      else if (!clientEnded) {
        // No `drain` comes any more: whether the client ends or sends on is seen only by reading it.
        client.resume();
      } else if (!target.stream.writableFinished) cut("reset_by_target");
    });
    if (client.stream.destroyed) return cut("reset_by_client");
    if (target.stream.destroyed) return targetLost();

    client.stream.once("finish", directionDone);
    target.stream.once("finish", directionDone);
    const endTarget = (): void => {
      clientEnded = true;
      if (target.stream.destroyed) cut("reset_by_target");
      else target.stream.end();
    };
    if (!early.ended) client.stream.once("end", endTarget);

    for (const bytes of early.bytes) {
      bytesUp += bytes.length;
      kept.add(bytes, "owned");
      target.stream.write(bytes);
    }
    const gathered = pump(target, client.stream, buffers, (bytes) => {
      if (firstByteMs === undefined) {
        firstByteMs = clock.monotonicMs() - startedMs;
        kept.drop();
      }
      bytesDown += bytes.length;
    });
    target.stream.once("end", () => {
      gathered?.flush();
      client.stream.end();
    });
    pump(client, target.stream, buffers, (bytes, tenure) => {
      bytesUp += bytes.length;
      kept.add(bytes, tenure);
      // The target has ended and is gone, and the client goes on sending: nobody will take it.
      if (target.stream.destroyed) cut("reset_by_target");
    });
    if (early.ended) endTarget();
  });
}

function write(sink: Duplex, bytes: Buffer, shared: boolean): boolean {
  if (!shared) return sink.write(bytes);
  return isDirect(sink) ? sink.writeShared(bytes) : sink.write(Buffer.from(bytes));
}

/**
 * One direction: reads while the sink takes it.
 * @returns what holds bytes back for a moment, if anything does
 */
function pump(
  source: ByteSource,
  sink: Duplex,
  buffers: ReadBuffers,
  count: (bytes: Buffer, tenure: Tenure) => void,
): GatheringWriter | undefined {
  const gathering = source.bursts === true && isPlainSocket(sink) ? new GatheringWriter(sink, buffers) : undefined;
  let stopped = false;
  /** Writes of lent bytes that the sink has not finished with. */
  let lent = 0;
  const goOn = (): void => {
    if (!stopped || lent > 0 || sink.writableNeedDrain) return;
    stopped = false;
    source.resume();
  };
  const taken = (): void => {
    lent--;
    goOn();
  };
  sink.on("drain", goOn);
  source.receive((bytes, tenure) => {
    count(bytes, tenure);
    if (sink.destroyed) return true;
    if (tenure === "lent") {
      lent++;
      sink.write(bytes, taken);
      stopped = sink.writableLength > 0;
    } else {
      const more = gathering !== undefined ? gathering.write(bytes) : write(sink, bytes, tenure === "shared");
      stopped = !more;
    }
    return !stopped;
  }, isPlainSocket(sink));
  if (sink.writableNeedDrain) stopped = true;
  else source.resume();
  return gathering;
}
