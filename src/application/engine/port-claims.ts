import { basename } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { WantedService } from "../ports/state-store.ts";

/** Which of our own services holds which local port or Unix socket, over all workspaces. */
export class PortClaims {
  readonly #owners = new Map<number | string, WantedService>();

  /** @throws ConnectivityError `local_port_in_use` with the owner's name */
  claim(port: number | string, owner: WantedService): Disposable {
    const holder = this.#owners.get(port);
    if (holder && (holder.workspace !== owner.workspace || holder.service !== owner.service)) {
      const where = holder.workspace === owner.workspace ? "" : ` of workspace ${basename(holder.workspace)}`;
      throw new ConnectivityError(
        "local_port_in_use",
        `${typeof port === "number" ? `local port ${port}` : port} is held by service ${holder.service}${where}`,
        {
          port,
          owner_service: holder.service,
          owner_workspace: holder.workspace,
        },
      );
    }
    this.#owners.set(port, owner);
    return {
      [Symbol.dispose]: () => {
        if (this.#owners.get(port) === owner) this.#owners.delete(port);
      },
    };
  }
}
