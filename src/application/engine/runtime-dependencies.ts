import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { FarPort, ForwardDriver } from "../ports/forward-driver.ts";
import type { LocalConnection, LocalListener } from "../ports/local-listener.ts";
import type { Probes } from "../ports/probe.ts";
import type { Route } from "../ports/route.ts";
import type { RuntimeEvents } from "./runtime-events.ts";

/** What the running side of a service needs of its surroundings, and whom it tells. */
export interface ServiceRuntimeDependencies extends RuntimeEvents {
  readonly clock: Clock;
  readonly access: Access;
  readonly probes: Probes;
  driver(): Promise<ForwardDriver>;
  /** The hops of the service's `via`. */
  route?(): Promise<Route | undefined>;
  readonly farPort?: FarPort;
  /** Opens the local end; refuses a port that another service holds. */
  listen(service: ServiceSpec, onConnection: (connection: LocalConnection) => void): Promise<LocalListener>;
}
