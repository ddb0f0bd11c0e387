import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** Until then it may be what the server said before this machine slept. */
const earlierMs = 500;

/**
 * Whether a server says anything within a time. Any word will do: behind much data on a slow way, its answer comes late.
 * @param ask a question that it answers. @throws whatever, when there was no answer
 */
export async function isStillThere(
  socket: Duplex,
  ask: (signal: AbortSignal) => Promise<void>,
  withinMs: number,
): Promise<boolean> {
  const fromMs = performance.now() + earlierMs;
  let heard = false;
  const onData = (): void => {
    heard ||= performance.now() > fromMs;
  };
  socket.on("data", onData);
  try {
    await ask(AbortSignal.timeout(withinMs));
    return true;
  } catch {
    return heard;
  } finally {
    socket.off("data", onData);
  }
}

/** Why a connection that did not answer is over. */
export const unanswered = (facts: Readonly<Record<string, string>> = {}): ConnectivityError =>
  new ConnectivityError("connection_lost", "the SSH server stopped answering", { ...facts, keepalive: "unanswered" });
