import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import type { RelayOutcome, Undelivered } from "#application/ports/local-listener.ts";
import type { Transport } from "#application/ports/forward-driver.ts";
import { realClock } from "./kubernetes-access.ts";

/** How connections through a local port went. */
interface Forwarded extends AsyncDisposable {
  readonly port: number;
  readonly refusals: readonly unknown[];
  readonly outcomes: readonly (RelayOutcome | Undelivered)[];
}

/** A local port whose connections go over a transport, as the engine joins them but without waiting rooms or health. */
export async function forwardLocally(transport: Transport): Promise<Forwarded> {
  const listeners = createLocalListeners({ clock: realClock, portOwners: { find: () => Promise.resolve(undefined) } });
  const refusals: unknown[] = [];
  const outcomes: (RelayOutcome | Undelivered)[] = [];
  const listener = await listeners.listen("127.0.0.1", 0, (connection) => {
    const gone = new AbortController();
    const client = transport.takesClients === true ? connection.socket?.() : undefined;
    if (!client) connection.onGone(() => gone.abort(new Error("the client went away")));
    transport.connect({ signal: gone.signal, ...(client && { client }) }).then(
      (stream) => {
        stream.once("error", (error) => refusals.push(error));
        void connection.relay(stream).then((outcome) => outcomes.push(outcome));
      },
      (error: unknown) => {
        refusals.push(error);
        connection.reset();
      },
    );
  });
  return { port: listener.port, refusals, outcomes, [Symbol.asyncDispose]: () => listener.close() };
}
