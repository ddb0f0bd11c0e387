import type { Clock } from "../ports/clock.ts";
import type { LeaseHolder, StateStore, WantedService } from "../ports/state-store.ts";

/** Holds a lease for what a file's edit made a dependency of something that no client wants any more. Never connected. */
const ourselves: LeaseHolder = { clientId: "portwright", clientName: "portwright" };

export interface LeasesDependencies {
  readonly store: StateStore;
  readonly clock: Clock;
  /** Whether a client is connected: only then does its lease count. */
  isConnected(clientId: string): boolean;
}

/** Who wants which service up; the wanted state outlives the process. */
export class Leases {
  readonly #deps: LeasesDependencies;

  constructor(deps: LeasesDependencies) {
    this.#deps = deps;
  }

  want(workspace: string, services: readonly string[], holder: LeaseHolder): void {
    const { store, clock } = this.#deps;
    const atMs = clock.nowMs();
    for (const service of services) store.setWanted({ workspace, service }, holder, atMs);
  }

  /**
   * Gives a client's lease up. The service is not wanted any more, unless other connected clients want it and `force` is
   * not given. @returns the names of those
   */
  release(wanted: WantedService, { clientId }: LeaseHolder, force: boolean): readonly string[] {
    this.#deps.store.dropLease(wanted, clientId);
    const others = force ? [] : this.others(wanted, clientId);
    if (others.length === 0) this.#deps.store.clearWanted(wanted);
    return others;
  }

  /** Names of the other connected clients that want a service up. */
  others(wanted: WantedService, clientId: string): string[] {
    const leases = this.#deps.store.leases(wanted);
    const others = leases.filter((lease) => lease.clientId !== clientId && this.#deps.isConnected(lease.clientId));
    return [...new Set(others.map(({ clientName }) => clientName))];
  }

  /** Whoever wants the dependent wants its dependency. */
  inherit(workspace: string, dependency: string, dependent: string): void {
    const leases = this.#deps.store.leases({ workspace, service: dependent });
    for (const holder of leases.length > 0 ? leases : [ourselves]) this.want(workspace, [dependency], holder);
  }
}
