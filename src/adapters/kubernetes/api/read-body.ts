import type { IncomingMessage } from "node:http";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ClusterContext } from "../config/cluster-context.ts";
import { connectError } from "./api-errors.ts";

/** A body that stands still for this long is given up. */
const silenceMs = 10_000;

/**
 * An answer's body as text.
 * @param limit bytes
 * @throws ConnectivityError `cluster_unreachable` when it is cut off, stands still or is larger; the signal's reason
 */
export function readBody(
  response: IncomingMessage,
  limit: number,
  signal: AbortSignal,
  context: ClusterContext,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const abort = (): void => {
      reject(signal.reason);
      response.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    response.setTimeout(silenceMs, () => response.destroy());
    response.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      const facts = { context: context.name, limit_bytes: limit };
      reject(new ConnectivityError("cluster_unreachable", "an answer of the API server is larger than is read", facts));
      response.destroy();
    });
    response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    response.on("error", (error) => reject(connectError(error, context.server, context.name)));
    response.on("close", () => {
      signal.removeEventListener("abort", abort);
      reject(connectError({ code: "ECONNRESET" }, context.server, context.name));
    });
  });
}
