import type { Duplex } from "node:stream";
import type { Probe } from "#application/ports/probe.ts";
import type { FactValue } from "#domain/connectivity-error.ts";
import { clippedBytes, failure } from "./failures.ts";
import {
  askHttp1,
  encodedTarget,
  lowerCased,
  mostSearchedBytes,
  type Answer,
  type Question,
} from "./http1-exchange.ts";
import { isExpected, judgeResponse } from "./http-judgement.ts";
import { redirectTarget } from "./http-redirect.ts";
import { resolvedHeaders } from "./resolved-headers.ts";
import { type Exchange, runExchange } from "./run-exchange.ts";
import { certificateFacts, secure, type TlsWish } from "./start-tls.ts";

const mostRedirects = 5;

type CertificateFacts = Readonly<Record<string, number>>;

/**
 * One request and its judgement. Redirects within the target are followed, each on a connection of its own, at most five;
 * one that leads elsewhere proves that the target answers, and is not followed: the path leads to this target only.
 */
export const httpProbe: Probe<"http" | "https"> = {
  run: (check, path, { signal, access }) =>
    runExchange(
      path,
      signal,
      check.type === "https" || check.config.http2 ? "protocol_mismatch" : "application_unhealthy",
      async (exchange) => {
        const { config } = check;
        const headers = await resolvedHeaders(config.headers, access, signal);
        const defaultPort = check.type === "https" ? 443 : 80;
        const host = config.host ?? (path.port === defaultPort ? path.host : `${path.host}:${path.port}`);
        const origin = `${check.type}://${host}`;
        const visited = new Set<string>();
        let target = config.path;
        for (;;) {
          visited.add(target);
          const wanted = config.expected_content;
          const question = { method: config.method, host, target, headers, wanted };
          const tls = check.type === "https" ? tlsWish(origin, config.verify_ssl, { signal, access }) : undefined;
          const { answer, certificate } = await ask(exchange, question, tls, config.http2);
          const { status, headers: answered } = answer;
          const location = config.follow_redirects ? answered.location : undefined;
          const redirect = redirectTarget({ status, location }, origin, target, path);
          const expected = isExpected(config.expected_status_codes, status);
          if (redirect !== undefined && !expected) {
            if (visited.has(redirect) || visited.size > mostRedirects)
              throw failure("redirect_loop", "the check's path redirects in a circle", { redirects: visited.size });
            target = redirect;
            continue;
          }
          const facts: Record<string, FactValue> = { status, ...certificate };
          if (visited.size > 1) facts.redirects = visited.size - 1;
          judgeResponse(check.config, answer, facts);
          return { by: `${check.type} ${answer.status} ${config.method} ${config.path}`, facts };
        }
      },
    ),
};

const tlsWish = (origin: string, verify: boolean, context: Pick<TlsWish, "access" | "signal">): TlsWish => ({
  name: new URL(origin).hostname.replace(/^\[|\]$/g, ""),
  verify: verify ? "full" : "none",
  ...context,
});

async function ask(
  { connect, signal, phases }: Exchange,
  question: Question,
  tls: TlsWish | undefined,
  http2: boolean,
): Promise<{ answer: Answer; certificate: CertificateFacts }> {
  let stream: Duplex = await connect();
  let certificate: CertificateFacts = {};
  if (tls) {
    const socket = await secure(stream, { ...tls, ...(http2 && { alpn: ["h2", "http/1.1"] }) });
    phases.mark("tls");
    certificate = certificateFacts(socket, Date.now());
    if (http2 && socket.alpnProtocol !== "h2")
      throw failure("protocol_mismatch", "the target does not speak HTTP/2", { expected: "h2" });
    stream = socket;
  }
  const context = { signal, phases, overTls: tls !== undefined };
  const answer = http2 ? await askOverHttp2(stream, question, context) : await askHttp1(stream, question, context);
  return { answer, certificate };
}

async function askOverHttp2(
  stream: Duplex,
  { method, host, target, headers, wanted }: Question,
  context: Pick<Exchange, "signal" | "phases"> & { readonly overTls: boolean },
): Promise<Answer> {
  const { askHttp2 } = await import("./http2-exchange.ts");
  const asked = {
    ":method": method,
    ":path": encodedTarget(target),
    ":authority": host,
    ":scheme": context.overTls ? "https" : "http",
    "user-agent": "portwright-check",
    accept: "*/*",
    ...lowerCased(headers),
  };
  const mostBytes = wanted === undefined ? clippedBytes : mostSearchedBytes;
  const question = { authority: host, headers: asked, mostBytes, expected: "http/2" };
  const { headers: answered, body } = await askHttp2(stream, question, context);
  return {
    status: answered[":status"] ?? 0,
    headers: answered,
    body: body.subarray(0, clippedBytes),
    found: wanted === undefined || body.includes(wanted),
  };
}
