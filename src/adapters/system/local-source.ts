import { readFile } from "node:fs/promises";
import { handleText } from "#domain/discovery/handle.ts";
import { guessProtocol } from "#domain/discovery/protocols.ts";
import type { FoundTarget } from "#domain/discovery/target.ts";
import type { PortOwners } from "#application/ports/port-owner.ts";
import type { Findings, TargetSource } from "#application/ports/target-source.ts";

/** More listeners than a developer's machine has; each owner is looked for. */
const maxPorts = 200;
const ownersAtOnce = 8;
const listening = "0A";
/** As proc(5) writes them: any address and loopback, IPv4 and IPv6. */
const reachable = /^(?:00000000|[0-9A-F]{6}7F|0{32}|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** What listens on this machine where 127.0.0.1 or ::1 reaches it (proc(5); Linux only). Connects to nothing. */
export const createLocalSource = (owners: PortOwners, platform: NodeJS.Platform = process.platform): TargetSource => ({
  kind: "local",
  async find(_search, { signal }): Promise<Findings> {
    if (platform !== "linux") {
      const why = "listeners are found on Linux only";
      return { targets: [], unreadable: [{ what: "listeners of this machine", code: "not_supported", why }] };
    }
    const ports = await listeningPorts();
    const targets: FoundTarget[] = [];
    const queue = ports.slice(0, maxPorts);
    const work = async (): Promise<void> => {
      for (let port = queue.shift(); port !== undefined && !signal.aborted; port = queue.shift()) {
        const owner = await owners.find(port);
        const program = owner?.program;
        const target = handleText({ kind: "local", port });
        targets.push({
          kind: "local",
          target,
          object: target,
          name: program ?? `port ${port}`,
          places: ["local", "localhost", "this machine"],
          port,
          protocol: guessProtocol({ port, words: program === undefined ? [] : [program] })?.name,
          hints: [],
          ...(owner && { detail: { ...(program !== undefined && { program }), ...(owner.pid && { pid: owner.pid }) } }),
        });
      }
    };
    await Promise.all(Array.from({ length: ownersAtOnce }, work));
    signal.throwIfAborted();
    return { targets, unreadable: [] };
  },
});

async function listeningPorts(): Promise<number[]> {
  const ports = new Set<number>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const lines = (await readFile(file, "latin1").catch(() => "")).split("\n").slice(1);
    for (const line of lines) {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      if (state === listening && reachable.test(address)) ports.add(Number.parseInt(port, 16));
    }
  }
  return [...ports].toSorted((left, right) => left - right);
}
