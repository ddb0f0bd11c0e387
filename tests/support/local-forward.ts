import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import type { Transport } from "#application/ports/forward-driver.ts";
import { realClock } from "./kubernetes-access.ts";

/** A local port whose connections go over a transport, as the engine joins them but without waiting rooms or health. */
export async function forwardLocally(
  transport: Transport,
): Promise<{ readonly port: number; readonly refusals: readonly unknown[] } & AsyncDisposable> {
  const listeners = createLocalListeners({ clock: realClock, portOwners: { find: () => Promise.resolve(undefined) } });
  const refusals: unknown[] = [];
  const listener = await listeners.listen("127.0.0.1", 0, (connection) => {
    const gone = new AbortController();
    connection.onGone(() => gone.abort(new Error("the client went away")));
    transport.connect({ signal: gone.signal }).then(
      (stream) => {
        stream.once("error", (error) => refusals.push(error));
        void connection.relay(stream);
      },
      (error: unknown) => {
        refusals.push(error);
        connection.reset();
      },
    );
  });
  return { port: listener.port, refusals, [Symbol.asyncDispose]: () => listener.close() };
}
