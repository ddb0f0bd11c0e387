import {
  connect,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { closedWithoutByte, failure, notThisProtocol, tooLate } from "./failures.ts";
import type { Phases } from "./phases.ts";
import { RecordedStream } from "./recorded-stream.ts";
import { alertError } from "./tls-alerts.ts";

export interface Http2Answer {
  readonly headers: IncomingHttpHeaders & IncomingHttpStatusHeader;
  /** The beginning of the body, at most as much as was asked for. */
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

export interface Http2Question {
  readonly authority: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: Buffer;
  readonly mostBytes: number;
  /** What the check calls itself when the target does not speak it. */
  readonly expected: string;
}

/**
 * One request over HTTP/2 (RFC 9113) on a stream of its own, which is closed with it.
 * @throws ConnectivityError `protocol_mismatch`, `application_unhealthy`, `application_slow`, or the stream's own
 */
export async function askHttp2(
  stream: Duplex,
  question: Http2Question,
  { signal, phases }: { readonly signal: AbortSignal; readonly phases: Phases },
): Promise<Http2Answer> {
  const recorded = new RecordedStream(stream);
  const session = connect(`http://${question.authority}`, { createConnection: () => recorded });
  try {
    return await converse(session, recorded, question, { signal, phases });
  } finally {
    session.destroy();
  }
}

function converse(
  session: ClientHttp2Session,
  recorded: RecordedStream,
  { headers: asked, body: sent, mostBytes, expected }: Http2Question,
  { signal, phases }: { readonly signal: AbortSignal; readonly phases: Phases },
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error): void => reject(meaning(error, recorded, expected));
    const late = (): void => reject(tooLate(recorded.bytesRead));
    signal.addEventListener("abort", late, { once: true });
    if (signal.aborted) late();
    session.on("error", fail);
    session.once("close", () => fail());
    const request = session.request(asked, { endStream: sent === undefined });
    let headers: Http2Answer["headers"] | undefined;
    let trailers: IncomingHttpHeaders = {};
    let body = Buffer.alloc(0);
    const done = (): void => (headers ? resolve({ headers, body, trailers }) : fail());
    request.on("error", fail);
    request.on("response", (answered) => {
      phases.mark("first_byte");
      headers = answered;
    });
    request.on("trailers", (last) => (trailers = last));
    request.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk.subarray(0, mostBytes - body.length)]);
      if (body.length >= mostBytes) done();
    });
    request.once("end", done);
    if (sent) request.end(sent);
  });
}

/** What came first says more than the library's error: another protocol, or nothing at all. */
function meaning(error: Error | undefined, { beginning, bytesRead }: RecordedStream, expected: string): Error {
  if (error instanceof ConnectivityError) return error;
  const alert = error && alertError(error);
  if (alert) return alert;
  if (bytesRead === 0) return closedWithoutByte();
  // A frame of type SETTINGS on stream 0 begins every HTTP/2 connection (RFC 9113, 3.4).
  if (beginning.length < 9 || beginning[3] !== 4) return notThisProtocol(expected, beginning);
  return failure("application_unhealthy", "the target closed the connection before its answer was complete", {
    closed: true,
  });
}
