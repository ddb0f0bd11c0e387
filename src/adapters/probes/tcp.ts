import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { closedWithoutByte } from "./failures.ts";
import { runExchange } from "./run-exchange.ts";

/** A tunnel that opens before its target does (a pod's port) brings the refusal later, within this time. */
const refusalMs = 250;

/**
 * Verified when the target accepts and neither refuses nor closes within 250 ms; its first byte (a banner) is proof at
 * once. A target that accepts and closes at once is `target_port_closed`: a forwarder in front of it accepted, with
 * nothing behind, and a client could do nothing with it either.
 */
export const tcpProbe: Probe<"tcp"> = {
  run: (_check, path, { signal }) =>
    runExchange(path, signal, "target_port_closed", async ({ connect, phases }) => {
      const stream = await connect();
      return await new Promise((resolve, reject) => {
        const proven = (): void => resolve({ by: "tcp" });
        const timer = setTimeout(proven, refusalMs);
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
        signal.addEventListener("abort", () => over(notLongEnough()), { once: true });
      });
    }),
};

const notLongEnough = (): ConnectivityError =>
  new ConnectivityError(
    "operation_timed_out",
    `the check's time is shorter than the ${refusalMs} ms that a tcp check takes`,
  );
