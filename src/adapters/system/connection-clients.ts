import type { ConnectionClients, PortOwner } from "#application/ports/port-owner.ts";
import { holderOf, socketsWhere } from "./proc-sockets.ts";

/**
 * Searches take at most this part of the time, one after the other: a look through all processes costs milliseconds, on a
 * busy machine many of them, and connections may come in thousands.
 */
const restPerSearch = 20;
const limitMs = 2000;
/** Programs open many connections: those seen last are looked at first. */
const rememberedPids = 8;

/** By `/proc` on Linux; elsewhere nobody is found. */
export function createConnectionClients(platform: NodeJS.Platform = process.platform): ConnectionClients {
  let recent: string[] = [];
  let notBeforeMs = 0;

  const search = async (peerPort: number, ourPort: number): Promise<PortOwner | undefined> => {
    const inodes = await socketsWhere((local, remote) => local === peerPort && remote === ourPort);
    if (inodes.size === 0) return undefined;
    const found = await holderOf(inodes, AbortSignal.timeout(limitMs), recent);
    if (found?.pid !== undefined)
      recent = [String(found.pid), ...recent.filter((pid) => pid !== String(found.pid))].slice(0, rememberedPids);
    return found;
  };

  return {
    async find(peerPort, ourPort) {
      if (platform !== "linux") return undefined;
      const startedMs = performance.now();
      if (startedMs < notBeforeMs) return undefined;
      notBeforeMs = Number.POSITIVE_INFINITY;
      const found = await search(peerPort, ourPort).catch(() => undefined);
      const endedMs = performance.now();
      notBeforeMs = endedMs + restPerSearch * (endedMs - startedMs);
      return found;
    },
  };
}
