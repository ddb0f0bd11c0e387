import { once } from "node:events";
import net from "node:net";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { LocalReach } from "#application/ports/local-reach.ts";

/** By plain connections of this process. */
export const createLocalReach = (): LocalReach => ({
  async connect(port, signal) {
    let cause: unknown;
    for (const host of ["127.0.0.1", "::1"]) {
      const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
      try {
        await once(socket, "connect", { signal });
        return socket;
      } catch (error) {
        socket.destroy();
        signal.throwIfAborted();
        cause ??= error;
      }
    }
    throw new ConnectivityError(
      "target_port_closed",
      `nothing listens on port ${port} of this machine`,
      { port },
      { cause },
    );
  },
});
