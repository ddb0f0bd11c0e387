import type { Duplex } from "node:stream";
import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "../abortable.ts";
import type { ForwardTarget } from "./forward-error.ts";

/** How quickly one way to a pod answers, as far as it was seen. Kept as long as the way. */
export class Pace {
  #quickestMs = Number.POSITIVE_INFINITY;
  /** It was seen how long a refusal takes. */
  refused = false;

  /** By how much an answer was later than the quickest one. */
  late(tookMs: number): number {
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    return tookMs - this.#quickestMs;
  }
}

/** The way of one stream that says nothing. */
export interface SilentWay {
  readonly clock: Clock;
  readonly pace: Pace;
  readonly target: ForwardTarget;
  /** Resolves when the far end has taken the opening: with the milliseconds that this took, where they tell its pace. */
  opened(): Promise<number | undefined>;
  /** Asks the far end, and resolves when it has answered: all that it said before has been heard by then. */
  echo(): Promise<void>;
  /** The stream's end has come, which is still to be explained. */
  ends(): boolean;
  /** One more connection to the pod, which emits `known` when the far end has taken its opening. @throws ConnectivityError when it takes no more */
  open(target: ForwardTarget): Duplex;
}

/** A refusal comes within a millisecond, on a busy node within a tenth of a second. */
const quietMs = 200;
/** An answer that is later than the quickest by so much shows that something on the way is busy. */
const busyMs = 50;
/** A refusal may be so many times as late as the other answers are. */
const timesLate = 4;
/** What a refusal's time is taken for where it cannot be measured. */
const blindMs = 250;
/** Nothing listens there; the second one is asked when the first is not refused. */
const quietPorts = [1, 2, 3] as const;
const secondMs = 1000;

/**
 * Resolves when a stream's silence means that its target has taken the connection. The far end (the kubelet, a container
 * runtime) takes an opening before it connects to the pod, says nothing when that worked, and its refusal comes when it
 * finds time. So: silence since the opening was taken, a refusal of a port that is surely closed, measured once on each
 * way and again whenever an answer is late, and at the end an answer to a question that was asked after all that. A way
 * that carries nothing any more never comes to an end here.
 * @throws the signal's reason
 */
export async function reached(way: SilentWay, signal: AbortSignal): Promise<void> {
  const { clock, pace } = way;
  const openedMs = await abortable(way.opened(), signal);
  const sinceMs = clock.monotonicMs();
  let lateMs = openedMs === undefined ? 0 : pace.late(openedMs);
  for (;;) {
    if (!pace.refused || lateMs > busyMs) lateMs = Math.max(lateMs, await refusal(way, signal));
    const leftMs = Math.max(quietMs, timesLate * lateMs) - (clock.monotonicMs() - sinceMs);
    if (leftMs > 0) await pause(clock, leftMs, signal);
    const askedMs = clock.monotonicMs();
    await abortable(way.echo(), signal);
    const echoLateMs = pace.late(clock.monotonicMs() - askedMs);
    // How it ends is told by the stream.
    if (way.ends()) return abortable(new Promise<never>(() => {}), signal);
    if (echoLateMs <= Math.max(busyMs, lateMs)) return;
    lateMs = echoLateMs;
  }
}

/** How long after its opening was taken a closed port is refused. */
async function refusal(way: SilentWay, signal: AbortSignal): Promise<number> {
  const { clock, pace, target } = way;
  const ports = quietPorts.filter((port) => port !== target.port);
  const asked: Duplex[] = [];
  const over = Promise.withResolvers<number | undefined>();
  const ask = (): void => {
    const port = ports[asked.length] ?? 1;
    let sinceMs = clock.monotonicMs();
    try {
      const stream = way.open({ ...target, port });
      asked.push(stream);
      stream.once("known", () => (sinceMs = clock.monotonicMs()));
      stream.once("close", () => over.resolve(clock.monotonicMs() - sinceMs)).resume();
    } catch {
      // The way takes no more; what is open on it goes on.
      over.resolve(undefined);
    }
  };
  ask();
  const second = clock.after(secondMs, ask);
  // Where something between swallows what goes to closed ports, it cannot be seen.
  const never = clock.after(2 * secondMs, () => over.resolve(undefined));
  try {
    const tookMs = await abortable(over.promise, signal);
    if (tookMs !== undefined) pace.refused = true;
    return tookMs ?? blindMs;
  } finally {
    second[Symbol.dispose]();
    never[Symbol.dispose]();
    for (const stream of asked) stream.destroy();
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(ms, resolve);
  try {
    await abortable(promise, signal);
  } finally {
    timer[Symbol.dispose]();
  }
}

/** The signal of a wait for a stream: the stream's own end ends it too. */
export function whileOpen(stream: Duplex, signal: AbortSignal): AbortSignal {
  const closed = new AbortController();
  if (stream.destroyed) closed.abort(stream.errored ?? undefined);
  else stream.once("close", () => closed.abort(stream.errored ?? undefined));
  return AbortSignal.any([signal, closed.signal]);
}
