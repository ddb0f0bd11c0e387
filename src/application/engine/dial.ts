import type { ServiceSpec } from "#domain/spec/service.ts";
import type { DialContext, ForwardDriver, Transport } from "../ports/forward-driver.ts";
import type { Route } from "../ports/route.ts";

/**
 * Opens a transport, and never takes longer than the signal allows: a driver that does not heed it is left behind, and
 * what it opens after all is destroyed.
 * @param routing the way to the service's first server, asked for anew with each dial
 * @throws ConnectivityError of the driver; the signal's reason when it is aborted
 */
export async function dial(
  loading: Promise<ForwardDriver>,
  service: ServiceSpec,
  context: DialContext,
  onDriver: (driver: ForwardDriver, route: Route | undefined) => void = () => undefined,
  routing?: () => Promise<Route | undefined>,
): Promise<Transport> {
  const { signal } = context;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  const opening = loading.then(async (driver) => {
    const route = routing && (await routing());
    signal.throwIfAborted();
    onDriver(driver, route);
    return driver.open(service, { ...context, ...(route && { route }) });
  });
  try {
    return await Promise.race([opening, aborted]);
  } catch (thrown) {
    opening.then(
      (late) => late.destroy(),
      () => undefined,
    );
    throw thrown;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
