import type { Probe } from "#application/ports/probe.ts";
import { probeFailure, runExchange } from "./exchange.ts";

const apiVersionsKey = 18;
const correlationId = 0x50_57;
const largestResponse = 64 * 1024;

/** ApiVersions v0: every broker since 0.10 answers it before any login (KIP-35). */
function apiVersionsRequest(): Buffer {
  const client = Buffer.from("portwright");
  const request = Buffer.alloc(14 + client.length);
  request.writeInt32BE(10 + client.length, 0);
  request.writeInt16BE(apiVersionsKey, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(correlationId, 8);
  request.writeInt16BE(client.length, 12);
  client.copy(request, 14);
  return request;
}

/** One exchange with a broker. The metadata of a topic is not asked for yet. */
export const kafkaProbe: Probe<"kafka"> = {
  run: (_check, path, { signal }) =>
    runExchange(path, signal, async (exchange, phases) => {
      exchange.write(apiVersionsRequest());
      const response = await exchange.read((received) => {
        if (received.length < 4) return undefined;
        const length = received.readInt32BE(0);
        if (length < 10 || length > largestResponse) return "garbage";
        return received.length < 4 + length ? undefined : received.subarray(4, 4 + length);
      });
      if (response === "garbage" || response.readInt32BE(0) !== correlationId) {
        throw probeFailure("protocol_mismatch", "what answers is not Kafka", {}, exchange.received);
      }
      phases.done("first_byte");
      const error = response.readInt16BE(4);
      // 35 is UNSUPPORTED_VERSION: a broker all the same.
      if (error !== 0 && error !== 35)
        throw probeFailure("application_unhealthy", `Kafka answers with error ${error}`, { error });
      return { by: "kafka ApiVersions" };
    }),
};
