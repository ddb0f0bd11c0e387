import type { Duplex } from "node:stream";
import { isEager, type TunnelStream } from "#application/ports/forward-driver.ts";
import type { ProbePath, ProbeResult } from "#application/ports/probe.ts";
import { type Facts, toConnectivityError } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { Conversation } from "./conversation.ts";
import { evidence, failure, isClosedWithoutByte } from "./failures.ts";
import { Phases } from "./phases.ts";

/** After a polite end the peer has this long to end too; then the stream is cut. */
const farewellMs = 250;

/** A second connection that is asked nothing and stays open this long was closed because of what was asked. */
const secondLookMs = 200;

/** A server that speaks TLS answers a handshake within this time. */
const tlsLookMs = 500;

export interface Proof {
  readonly by: string;
  readonly facts?: Facts;
}

export interface Exchange {
  readonly path: ProbePath;
  readonly signal: AbortSignal;
  readonly phases: Phases;
  /** Connects, within the signal. Closed when the probe ends. */
  readonly connect: () => Promise<Duplex>;
  /** Connects, to ask and read. */
  readonly converse: () => Promise<Conversation>;
}

/**
 * Runs one probe as its result: never throws, never outlives the signal, and closes what it opened.
 * @param closedMeans what it is when the target, alive, closes without an answer as soon as it is asked
 */
export async function runExchange(
  path: ProbePath,
  signal: AbortSignal,
  closedMeans: ErrorCode,
  talk: (exchange: Exchange) => Promise<Proof>,
): Promise<ProbeResult> {
  const phases = new Phases();
  const opened: Duplex[] = [];
  const conversations: Conversation[] = [];
  const connect = async (): Promise<Duplex> => {
    const stream = await connectWithin(path, signal);
    phases.mark("dial");
    opened.push(stream);
    return stream;
  };
  const converse = async (): Promise<Conversation> => {
    const conversation = new Conversation(await connect(), signal, phases);
    conversations.push(conversation);
    return conversation;
  };
  try {
    return { ok: true, ...(await talk({ path, signal, phases, connect, converse })), phasesMs: phases.ms };
  } catch (thrown) {
    const cause = isClosedWithoutByte(thrown) ? await secondLook(path, signal, closedMeans, thrown) : thrown;
    const { code, message, facts, untrusted } = toConnectivityError(cause).toFailure();
    return {
      ok: false,
      code,
      message,
      phasesMs: phases.ms,
      ...(facts && { facts }),
      ...(untrusted !== undefined && { untrusted: evidence(untrusted) }),
    };
  } finally {
    for (const conversation of conversations) conversation.leave();
    for (const stream of opened) farewell(stream);
  }
}

/** A stream that nobody may wait for any longer is destroyed when it comes. */
async function connectWithin(path: ProbePath, signal: AbortSignal): Promise<TunnelStream> {
  const late = (): Error => failure("operation_timed_out", "no connection to the target in time", { phase: "dial" });
  if (signal.aborted) throw late();
  const connecting = path.connect(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(late());
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const stream = await Promise.race([connecting, aborted]);
    stream.on("error", () => undefined);
    return stream;
  } catch (thrown) {
    connecting.then(
      (stream) => stream.on("error", () => undefined).destroy(),
      () => undefined,
    );
    throw signal.aborted ? late() : thrown;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Was the connection closed because nothing serves there, or because of what was asked? Connects once more, and waits. */
async function secondLook(
  path: ProbePath,
  signal: AbortSignal,
  closedMeans: ErrorCode,
  first: unknown,
): Promise<unknown> {
  try {
    const stream = await connectWithin(path, signal);
    const stays = await new Promise<boolean>((resolve) => {
      const reached = isEager(stream) ? stream.reached(signal) : Promise.resolve();
      const timer = setTimeout(() => {
        reached.then(
          () => resolve(true),
          () => undefined,
        );
      }, secondLookMs);
      reached.catch(() => undefined);
      for (const sign of ["end", "close", "data"] as const) {
        stream.once(sign, () => {
          clearTimeout(timer);
          resolve(sign === "data");
        });
      }
      signal.addEventListener("abort", () => resolve(false), { once: true });
    });
    if (!stays) {
      farewell(stream);
      return first;
    }
    // The usual reason: it waits for TLS, and was asked in plain text.
    const { speaksTls } = await import("./start-tls.ts");
    const tls = await speaksTls(stream, path.host, AbortSignal.any([signal, AbortSignal.timeout(tlsLookMs)]));
    farewell(stream);
    if (tls)
      return failure("protocol_mismatch", "the target speaks TLS, and was asked without it", { looks_like: "tls" });
    return failure(
      closedMeans,
      "the target takes connections, but closed this one without an answer when it was asked",
      {
        closed: true,
      },
    );
  } catch (thrown) {
    return signal.aborted ? first : thrown;
  }
}

/** Ends politely; what does not end with us in time is cut. TLS on top of it was ended before: its last record goes first. */
function farewell(stream: Duplex): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), farewellMs);
  timer.unref();
  stream.once("close", () => clearTimeout(timer));
  setImmediate(() => {
    stream.end();
    stream.resume();
  });
}
