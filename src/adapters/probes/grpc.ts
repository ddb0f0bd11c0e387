import type { Duplex } from "node:stream";
import type { Probe } from "#application/ports/probe.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { failure, notThisProtocol } from "./failures.ts";
import { healthRequest, servingStatus } from "./grpc-health-messages.ts";
import { askHttp2, type Http2Answer } from "./http2-exchange.ts";
import { resolvedHeaders } from "./resolved-headers.ts";
import { runExchange } from "./run-exchange.ts";
import { certificateFacts, secure, wishOf } from "./start-tls.ts";

const method = "/grpc.health.v1.Health/Check";
const largestAnswer = 4096;

/** Status codes (https://grpc.io/docs/guides/status-codes/) that mean something other than "ill". */
const codeOf: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "4": ["application_slow", "the health service's own time was over"],
  "5": ["check_path_missing", "the server's health service does not know this service"],
  "7": ["application_auth_failed", "the server does not let the check ask for its health"],
  "12": ["check_path_missing", "the server has no health service (grpc.health.v1)"],
  "16": ["application_auth_failed", "the server wants other credentials from the check"],
};

/** `grpc.health.v1.Health/Check` (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): ready when `SERVING`. */
export const grpcProbe: Probe<"grpc"> = {
  run: ({ config }, path, context) =>
    runExchange(path, context.signal, "protocol_mismatch", async ({ connect, phases }) => {
      const { access, signal } = context;
      const metadata = await resolvedHeaders(config.headers, access, signal);
      let stream: Duplex = await connect();
      let facts: Record<string, string | number> = {};
      if (config.tls) {
        const socket = await secure(stream, { ...wishOf(config, path, context), alpn: ["h2"] });
        phases.mark("tls");
        facts = certificateFacts(socket, Date.now());
        stream = socket;
      }
      const authority = config.server_name ?? `${path.host}:${path.port}`;
      const headers = {
        ":method": "POST",
        ":path": method,
        ":authority": authority,
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "portwright-check",
        ...metadata,
      };
      const question = { authority, headers, body: healthRequest(config.service), mostBytes: largestAnswer };
      const answer = await askHttp2(stream, { ...question, expected: "grpc" }, { signal, phases });
      const status = judge(answer);
      if (status !== "SERVING")
        throw failure("application_unhealthy", `the server says that it is ${status}`, { ...facts, status });
      return { by: "grpc health SERVING", facts: { ...facts, status } };
    }),
};

function judge({ headers, trailers, body }: Http2Answer): string {
  const type = headers["content-type"] ?? "";
  const status = String(trailers["grpc-status"] ?? headers["grpc-status"] ?? "");
  if (status === "" && (headers[":status"] === 401 || headers[":status"] === 403))
    throw failure("application_auth_failed", "a proxy before the server wants other credentials from the check");
  if (!type.startsWith("application/grpc")) throw notThisProtocol("grpc", body);
  if (status !== "0" && status !== "") throw statusError(status, trailers["grpc-message"] ?? headers["grpc-message"]);
  const serving = servingStatus(body);
  if (serving === undefined) throw notThisProtocol("grpc", body);
  return serving;
}

function statusError(status: string, said: string | string[] | undefined): ConnectivityError {
  const known = /^\d{1,2}$/.test(status);
  const [code, message] = codeOf[status] ?? ["application_unhealthy", "the server answered with an error"];
  return failure(code, message, known ? { grpc_status: Number(status) } : {}, String(said ?? ""));
}
