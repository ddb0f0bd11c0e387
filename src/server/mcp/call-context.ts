import type { ServerContext } from "@modelcontextprotocol/server";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ClientSession } from "#application/client.ts";
import type { CallContext } from "#application/surface/tool-definition.ts";

/** How much a progress value must grow when the work itself did not: each must be more than the one before. */
const smallestGrowth = 0.001;

/** A call's context and its end: after that, late progress is dropped and the signal no longer listens. */
export interface RunningCall extends Disposable {
  readonly context: CallContext;
}

/** The context of one call: the client's cancellation or departure ends its signal, progress goes to its token. */
export function runningCall(request: ServerContext, client: ClientSession): RunningCall {
  const { signal, notify, _meta } = request.mcpReq;
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(new ConnectivityError("cancelled", "the client took the call back or went away"));
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });

  const progressToken = _meta?.progressToken;
  let ended = false;
  let last = 0;
  const progress = (message: string, done?: number, total?: number): void => {
    if (progressToken === undefined || ended || signal.aborted) return;
    last = done !== undefined && done > last ? done : last + smallestGrowth;
    const params = { progressToken, progress: last, message, ...(total !== undefined && { total }) };
    // A client that is gone by now has closed its connection, which ends the call.
    notify({ method: "notifications/progress", params }).catch(() => undefined);
  };

  return {
    context: { client, signal: controller.signal, progress },
    [Symbol.dispose]: () => {
      ended = true;
      signal.removeEventListener("abort", abort);
    },
  };
}
