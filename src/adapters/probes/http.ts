import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { connect as startTls, type TLSSocket } from "node:tls";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Access } from "#application/ports/access.ts";
import type { Probe, ProbePath, ProbeResult } from "#application/ports/probe.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { clippedBytes, failedResult, Phases, probeFailure } from "./exchange.ts";

type Check = HealthCheckOf<"http" | "https">;

const mostRedirects = 5;
const largestBodyBytes = 256 * 1024;

/** One request through the path; redirects within the same host are followed. */
export const httpProbe: Probe<"http"> & Probe<"https"> = {
  async run(check: Check, path, { signal, access }): Promise<ProbeResult> {
    const phases = new Phases();
    const progress = { connected: false };
    try {
      return await followed(check, path, signal, access, phases, progress);
    } catch (thrown) {
      return failedResult(codedHttp(thrown, check.type), signal, phases, progress.connected);
    }
  },
};

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Buffer;
}

async function followed(
  check: Check,
  path: ProbePath,
  signal: AbortSignal,
  access: Access,
  phases: Phases,
  progress: { connected: boolean },
): Promise<ProbeResult> {
  const { method, path: asked, expected_status_codes: expected, expected_content: content } = check.config;
  let target = asked;
  const seen = new Set<string>();
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(check, target, path, signal, access, phases, progress);
    const next = redirectTarget(answer, check, path, target);
    if (next !== undefined && !expected.includes(answer.status)) {
      if (seen.has(next) || redirects >= mostRedirects)
        throw probeFailure("redirect_loop", "the redirects of the check do not end", { path: asked, redirects });
      seen.add(next);
      target = next;
      continue;
    }
    if (!expected.includes(answer.status)) throw wrongStatus(answer, target, expected);
    if (content !== undefined && !answer.body.includes(content)) {
      throw probeFailure(
        "application_unhealthy",
        "the answer does not contain what the check expects",
        { status: answer.status, path: target },
        answer.body,
      );
    }
    return {
      ok: true,
      by: `${check.type} ${answer.status} ${method} ${target}`,
      phasesMs: phases.ms,
      facts: { status: answer.status },
    };
  }
}

/** The path of a redirect that stays with this target; one that leads elsewhere is judged as it is. */
function redirectTarget(
  { status, location }: Answer,
  check: Check,
  { host, port }: ProbePath,
  from: string,
): string | undefined {
  if (status < 300 || status > 399 || status === 304 || location === undefined) return undefined;
  const base = `${check.type}://${check.config.host ?? `${host}:${port}`}`;
  if (!URL.canParse(location, base + from)) return undefined;
  const url = new URL(location, base + from);
  return url.origin === new URL(base).origin ? url.pathname + url.search : undefined;
}

function wrongStatus({ status, body }: Answer, path: string, expected: readonly number[]): Error {
  const facts = { status, path, expected: expected.map(String) };
  if (status === 404)
    return probeFailure("check_path_missing", `the check's path ${path} is not there (404)`, facts, body);
  if (status === 401 || status === 403)
    return probeFailure("application_auth_failed", `the application refuses the check (${status})`, facts, body);
  return probeFailure("application_unhealthy", `the application answers ${status} to ${path}`, facts, body);
}

async function ask(
  check: Check,
  target: string,
  path: ProbePath,
  signal: AbortSignal,
  access: Access,
  phases: Phases,
  progress: { connected: boolean },
): Promise<Answer> {
  const { method, host = `${path.host}:${path.port}`, headers: templates } = check.config;
  const headers: Record<string, string> = { host, "user-agent": "portwright", connection: "close" };
  for (const [name, template] of Object.entries(templates)) headers[name] = await access.resolve(template, signal);
  const plain = await path.connect(signal);
  progress.connected = true;
  phases.done("dial");
  try {
    const stream = check.type === "https" ? await encrypted(plain, check, host, signal, phases) : plain;
    const request = httpRequest({ createConnection: () => stream, method, path: target, headers, signal });
    const response = await answered(request);
    phases.done("first_byte");
    return { status: response.statusCode ?? 0, location: response.headers.location, body: await bodyOf(response) };
  } finally {
    plain.destroy();
  }
}

async function answered(request: ClientRequest): Promise<IncomingMessage> {
  const response = once(request, "response") as Promise<[IncomingMessage]>;
  request.end();
  return (await response)[0];
}

/** As much of the body as a check needs; the rest is not read. */
async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= largestBodyBytes) break;
  }
  return Buffer.concat(chunks);
}

async function encrypted(
  plain: Duplex,
  { config }: Check,
  host: string,
  signal: AbortSignal,
  phases: Phases,
): Promise<TLSSocket> {
  const servername = host.replace(/:\d+$/, "");
  const isName = !/^[\d.]+$|:/.test(servername);
  const socket = startTls({
    socket: plain,
    host: servername,
    rejectUnauthorized: config.verify_ssl,
    ...(isName && { servername }),
  });
  await once(socket, "secureConnect", { signal });
  phases.done("tls");
  return socket;
}

const certificateCodes: Readonly<Record<string, ErrorCode>> = {
  CERT_HAS_EXPIRED: "certificate_expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "certificate_name_mismatch",
  DEPTH_ZERO_SELF_SIGNED_CERT: "certificate_untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate_untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate_untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate_untrusted",
  CERT_NOT_YET_VALID: "certificate_expired",
};

const certificateMessages: Readonly<Record<string, string>> = {
  certificate_expired: "the server's certificate is not valid now",
  certificate_name_mismatch: "the server's certificate is for another name",
  certificate_untrusted: "the server's certificate is not from a trusted authority",
};

/** Errors of node:http and node:tls by their codes (documented: tls.md "X509 certificate error codes", http parser `HPE_*`). */
function codedHttp(thrown: unknown, scheme: "http" | "https"): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === undefined) return thrown;
  const certificate = certificateCodes[code];
  if (certificate)
    return probeFailure(certificate, certificateMessages[certificate] ?? "the certificate is not valid", {
      reason: code,
    });
  if (code.startsWith("HPE_"))
    return probeFailure("protocol_mismatch", "what answers does not speak HTTP", { reason: code }, rawOf(thrown));
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    return probeFailure(
      "protocol_mismatch",
      scheme === "https" ? "what answers does not speak TLS" : "what answers speaks TLS",
      { reason: code },
    );
  }
  if (code === "ECONNRESET")
    return probeFailure("application_unhealthy", "the server closed the connection without an answer", {
      closed: true,
    });
  return thrown;
}

const rawOf = (thrown: unknown): string | undefined => {
  const { rawPacket } = thrown as { readonly rawPacket?: Buffer };
  return rawPacket?.subarray(0, clippedBytes).toString("latin1");
};
