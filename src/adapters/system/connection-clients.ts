import type { ConnectionClients, PortOwner } from "#application/ports/port-owner.ts";
import { holderOf, socketsWhere } from "./proc-sockets.ts";

/** Searches a second: a look through all processes costs some milliseconds, and connections may come in thousands. */
const searchesPerSecond = 4;
const limitMs = 2000;
/** Programs open many connections: those seen last are looked at first. */
const rememberedPids = 8;

/** By `/proc` on Linux; elsewhere nobody is found. */
export function createConnectionClients(platform: NodeJS.Platform = process.platform): ConnectionClients {
  let recent: string[] = [];
  let window = 0;
  let searches = 0;

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
      const second = Math.floor(performance.now() / 1000);
      if (second !== window) [window, searches] = [second, 0];
      if (++searches > searchesPerSecond) return undefined;
      return search(peerPort, ourPort).catch(() => undefined);
    },
  };
}
