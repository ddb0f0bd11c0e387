import { isEager } from "#application/ports/forward-driver.ts";
import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { closedWithoutByte } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

/** A forwarder with nothing behind it accepts, and closes within this time. */
const refusalMs = 250;

/**
 * Verified when the target accepts and neither refuses nor closes within 250 ms; its first byte (a banner) is proof at
 * once. Where a stream is there before its target has taken the connection (a pod's port), the way tells when a refusal
 * would have come. A target that accepts and closes at once is `target_port_closed`: a forwarder in front of it accepted,
 * with nothing behind, and a client could do nothing with it either.
 */
export const tcpProbe: Probe<"tcp"> = {
  run: (_check, path, { signal }) =>
    runExchange(path, signal, "target_port_closed", async ({ connect, phases }) => {
      const stream = await connect();
      return await new Promise((resolve, reject) => {
        const proven = (): void => resolve({ by: "tcp" });
        const reached = isEager(stream) ? stream.reached(signal) : undefined;
        // When it fails, the stream or the signal says why.
        reached?.catch(() => undefined);
        let waited = false;
        const timer = setTimeout(() => {
          waited = true;
          if (reached === undefined) proven();
          else reached.then(proven, () => undefined);
        }, refusalMs);
        const over = (error: Error): void => {
          clearTimeout(timer);
          reject(error);
        };
        stream.once("data", () => {
          clearTimeout(timer);
          phases.mark("first_byte");
          proven();
        });
        stream.once("error", (error) => over(error instanceof ConnectivityError ? error : closedWithoutByte()));
        stream.once("end", () => over(closedWithoutByte()));
        stream.once("close", () => over(closedWithoutByte()));
        // Nothing refused so far, but the time was too short to tell.
        signal.addEventListener("abort", () => over(waited ? untold() : notLongEnough()), { once: true });
      });
    }),
};

const notLongEnough = (): ConnectivityError =>
  new ConnectivityError(
    "operation_timed_out",
    `the check's time is shorter than the ${refusalMs} ms that a tcp check takes`,
  );

const untold = (): ConnectivityError =>
  new ConnectivityError(
    "operation_timed_out",
    "the way to the target did not tell in time whether the target took the connection",
  );
