import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { nodeHttp } from "#adapters/net/node-http.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { clippedBytes, closedWithoutByte, failure, notThisProtocol, tooLate } from "./failures.ts";
import { plainTextToTls } from "./http-judgement.ts";
import type { Phases } from "./phases.ts";
import { alertError } from "./tls-alerts.ts";

/** Text that a check asks for is looked for in this much of the body. */
export const mostSearchedBytes = 1024 * 1024;

export interface Question {
  readonly method: string;
  readonly host: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text that the body is searched for. */
  readonly wanted: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning, for evidence. */
  readonly body: Buffer;
  readonly found: boolean;
}

/** One request over HTTP/1.1 on a stream of its own. @throws ConnectivityError what it means that there was no answer */
export async function askHttp1(
  stream: Duplex,
  question: Question,
  { signal, phases, overTls }: { readonly signal: AbortSignal; readonly phases: Phases; readonly overTls: boolean },
): Promise<Answer> {
  let bytesRead = 0;
  const { response, search } = await new Promise<{ response: IncomingMessage; search: Promise<Found> }>(
    (resolve, reject) => {
      signal.addEventListener("abort", () => reject(tooLate(bytesRead)), { once: true });
      const sent = send(question, stream);
      sent.once("response", (message) => {
        phases.mark("first_byte");
        resolve({ response: message, search: searchBody(message, question.wanted, signal) });
      });
      sent.on("error", (error) => reject(requestError(error, overTls, bytesRead)));
      // After the request has its own listener: this one does not start the reading.
      stream.on("data", (chunk: Buffer) => (bytesRead += chunk.length));
      if (signal.aborted) reject(tooLate(0));
    },
  );
  return { status: response.statusCode ?? 0, headers: response.headers, ...(await search) };
}

/** What HTTP does not carry as it is (a space, a letter beyond ASCII) is encoded, the rest stays. */
export const encodedTarget = (target: string): string => target.replaceAll(/[^\u0021-\u007E]+/g, encodeURI);

function send({ method, host, target, headers }: Question, stream: Duplex): ClientRequest {
  try {
    const sent = nodeHttp.request({
      method,
      path: encodedTarget(target),
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

/** Names as HTTP/2 wants them; in HTTP/1.1 they mean the same. */
export const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function requestError(error: Error, overTls: boolean, bytesRead: number): ConnectivityError {
  if (error instanceof ConnectivityError) return error;
  const alert = alertError(error);
  if (alert) return alert;
  const { code = "", rawPacket } = error as NodeJS.ErrnoException & { rawPacket?: Buffer };
  if (code === "HPE_HEADER_OVERFLOW")
    return failure("application_unhealthy", "the target's headers are longer than a check reads");
  if (code.startsWith("HPE_")) {
    if (rawPacket && plainTextToTls(rawPacket))
      return failure("protocol_mismatch", "the target speaks HTTPS, not HTTP", {}, rawPacket);
    return notThisProtocol("http", rawPacket ?? Buffer.alloc(0), code);
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
