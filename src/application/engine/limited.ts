import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "../ports/clock.ts";

/** A signal that also fires after so many milliseconds, with `operation_timed_out`; disposing ends the timer. */
export function limited(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
): { readonly signal: AbortSignal; readonly timedOut: boolean } & Disposable {
  const controller = new AbortController();
  let timedOut = false;
  const timer = clock.after(ms, () => {
    timedOut = true;
    controller.abort(new ConnectivityError("operation_timed_out", `no answer within ${ms / 1000} s`));
  });
  return {
    signal: AbortSignal.any([controller.signal, outer]),
    get timedOut() {
      return timedOut;
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}
