import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Access } from "#application/ports/access.ts";
import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { clippedBytes, closedWithoutByte, failure, notThisProtocol, tooLate } from "./failures.ts";
import { judgeResponse, plainTextToTls } from "./http-judgement.ts";
import { redirectTarget } from "./http-redirect.ts";
import { type Exchange, runExchange } from "./run-exchange.ts";
import { daysLeft, secure } from "./start-tls.ts";

const mostRedirects = 5;

/** Text that a check asks for is looked for in this much of the body. */
const mostSearchedBytes = 1024 * 1024;

type Check = HealthCheckOf<"http" | "https">;

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  /** The beginning, for evidence. */
  readonly body: Buffer;
  readonly found: boolean;
  readonly certificateDaysLeft: number | undefined;
}

/**
 * One request and its judgement. Redirects within the target are followed, each on a connection of its own, at most five;
 * one that leads elsewhere proves that the target answers, and is not followed: the path leads to this target only.
 */
export const httpProbe: Probe<"http" | "https"> = {
  run: (check, path, { signal, access }) =>
    runExchange(
      path,
      signal,
      check.type === "https" ? "protocol_mismatch" : "application_unhealthy",
      async (exchange) => {
        const headers = await resolvedHeaders(check.config.headers, access, signal);
        const defaultPort = check.type === "https" ? 443 : 80;
        const host = check.config.host ?? (path.port === defaultPort ? path.host : `${path.host}:${path.port}`);
        const origin = `${check.type}://${host}`;
        const visited = new Set<string>();
        let target = check.config.path;
        for (;;) {
          visited.add(target);
          const answer = await ask(check, exchange, { origin, host, target, headers, access });
          const redirect = redirectTarget(answer, origin, target, path);
          const expected = check.config.expected_status_codes.includes(answer.status);
          if (redirect !== undefined && !expected) {
            if (visited.has(redirect) || visited.size > mostRedirects)
              throw failure("redirect_loop", "the check's path redirects in a circle", { redirects: visited.size });
            target = redirect;
            continue;
          }
          const facts: Record<string, string | number | boolean> = { status: answer.status };
          if (visited.size > 1) facts.redirects = visited.size - 1;
          if (answer.certificateDaysLeft !== undefined) facts.certificate_days_left = answer.certificateDaysLeft;
          judgeResponse(check.config, answer, facts);
          return { by: `${check.type} ${answer.status} ${check.config.method} ${check.config.path}`, facts };
        }
      },
    ),
};

async function resolvedHeaders(
  templates: Check["config"]["headers"],
  access: Access,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(templates)) headers[name] = await access.resolve(template, signal);
  return headers;
}

interface Question {
  readonly origin: string;
  readonly host: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly access: Access;
}

async function ask(check: Check, exchange: Exchange, question: Question): Promise<Answer> {
  const { config } = check;
  const { signal, phases } = exchange;
  let stream: Duplex = await exchange.connect();
  let certificateDaysLeft: number | undefined;
  if (check.type === "https") {
    const name = new URL(question.origin).hostname.replace(/^\[|\]$/g, "");
    const socket: TLSSocket = await secure(stream, {
      name,
      verify: config.verify_ssl ? "full" : "none",
      access: question.access,
      signal,
    });
    phases.mark("tls");
    certificateDaysLeft = daysLeft(socket, Date.now());
    stream = socket;
  }
  let bytesRead = 0;
  const { response, search } = await new Promise<{ response: IncomingMessage; search: Promise<Found> }>(
    (resolve, reject) => {
      signal.addEventListener("abort", () => reject(tooLate(bytesRead)), { once: true });
      const sent = send(question, config.method, stream);
      sent.once("response", (message) => {
        phases.mark("first_byte");
        resolve({ response: message, search: searchBody(message, config.expected_content, signal) });
      });
      sent.on("error", (error) => reject(requestError(error, check.type === "https", bytesRead)));
      // After the request has its own listener: this one does not start the reading.
      stream.on("data", (chunk: Buffer) => (bytesRead += chunk.length));
      if (signal.aborted) reject(tooLate(0));
    },
  );
  const { body, found } = await search;
  return {
    status: response.statusCode ?? 0,
    location: response.headers.location,
    body,
    found,
    certificateDaysLeft,
  };
}

function send({ host, target, headers }: Question, method: string, stream: Duplex): ClientRequest {
  try {
    const sent = request({
      method,
      // What HTTP does not carry as it is (a space, a letter beyond ASCII) is encoded, the rest stays.
      path: target.replaceAll(/[^\u0021-\u007E]+/g, encodeURI),
      setHost: false,
      headers: { host, "user-agent": "portwright-check", accept: "*/*", ...lowerCased(headers), connection: "close" },
      createConnection: () => stream,
    });
    sent.end();
    return sent;
  } catch (cause) {
    throw new ConnectivityError(
      "config_invalid",
      "the check's headers hold characters that HTTP does not carry",
      {},
      { cause },
    );
  }
}

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function requestError(error: Error, overTls: boolean, bytesRead: number): ConnectivityError {
  if (error instanceof ConnectivityError) return error;
  const { code = "", rawPacket } = error as NodeJS.ErrnoException & { rawPacket?: Buffer };
  if (code.startsWith("HPE_")) {
    if (rawPacket && plainTextToTls(rawPacket))
      return failure("protocol_mismatch", "the target speaks HTTPS, not HTTP", {}, rawPacket);
    return notThisProtocol("http", rawPacket ?? Buffer.alloc(0));
  }
  // The handshake has shown that something is there.
  if (!overTls && bytesRead === 0) return closedWithoutByte();
  return failure("application_unhealthy", "the target closed the connection before its answer was complete", {
    closed: true,
  });
}

interface Found {
  readonly body: Buffer;
  readonly found: boolean;
}

/** Reads as much as is needed: the beginning for evidence, or until the text is found. */
function searchBody(response: IncomingMessage, wanted: string | undefined, signal: AbortSignal): Promise<Found> {
  const needle = Buffer.from(wanted ?? "");
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0);
    let window = Buffer.alloc(0);
    let searched = 0;
    const done = (found: boolean): void => {
      response.destroy();
      resolve({ body, found });
    };
    response.on("data", (chunk: Buffer) => {
      if (body.length < clippedBytes) body = Buffer.concat([body, chunk.subarray(0, clippedBytes - body.length)]);
      window = Buffer.concat([window, chunk]);
      searched += chunk.length;
      if (needle.length > 0 && window.includes(needle)) done(true);
      else if (needle.length === 0 ? body.length >= clippedBytes : searched >= mostSearchedBytes)
        done(needle.length === 0);
      else window = window.subarray(Math.max(0, window.length - needle.length + 1));
    });
    response.once("end", () => done(needle.length === 0));
    const cut: Facts = { closed: true };
    response.on("error", () =>
      reject(
        failure("application_unhealthy", "the target closed the connection in the middle of its answer", cut, body),
      ),
    );
    signal.addEventListener("abort", () => reject(tooLate(1)), { once: true });
  });
}
