import { readdir, readFile, readlink } from "node:fs/promises";
import { handleText } from "#domain/discovery/handle.ts";
import { guessProtocol } from "#domain/discovery/protocols.ts";
import type { FoundTarget } from "#domain/discovery/target.ts";
import type { PortOwner } from "#application/ports/port-owner.ts";
import type { Findings, TargetSource } from "#application/ports/target-source.ts";
import { processNamed } from "./proc-sockets.ts";

/** More listeners than a developer's machine has. */
const maxPorts = 300;
/** Owners that are not found by then are left out: a port can be connected without knowing its program. */
const ownersWithinMs = 3000;
const listening = "0A";
/** As proc(5) writes them: any address and loopback, IPv4 and IPv6. */
const reachable = /^(?:00000000|[0-9A-F]{6}7F|0{32}|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** What listens on this machine where 127.0.0.1 or ::1 reaches it (proc(5); Linux only). Connects to nothing. */
export const createLocalSource = (platform: NodeJS.Platform = process.platform): TargetSource => ({
  kind: "local",
  async find(_search, { signal }): Promise<Findings> {
    if (platform !== "linux") {
      const why = "listeners are found on Linux only";
      return { targets: [], unreadable: [{ what: "listeners of this machine", code: "not_supported", why }] };
    }
    const sockets = await listeningSockets();
    const owners = await ownersOf(sockets, AbortSignal.any([signal, AbortSignal.timeout(ownersWithinMs)]));
    signal.throwIfAborted();
    const ports = [...new Set(sockets.values())].toSorted((left, right) => left - right).slice(0, maxPorts);
    return { targets: ports.map((port) => targetOf(port, owners.get(port))), unreadable: [] };
  },
});

function targetOf(port: number, owner: PortOwner | undefined): FoundTarget {
  const program = owner?.program;
  const target = handleText({ kind: "local", port });
  return {
    kind: "local",
    target,
    object: target,
    name: program ?? `port ${port}`,
    places: ["local", "localhost", "this machine"],
    port,
    protocol: guessProtocol({ port, words: program === undefined ? [] : [program] })?.name,
    hints: [],
    ...(owner && {
      detail: { ...(program !== undefined && { program }), ...(owner.pid !== undefined && { pid: owner.pid }) },
    }),
  };
}

/** Ports by their sockets as `/proc/PID/fd` names them: `socket:[inode]`. */
async function listeningSockets(): Promise<Map<string, number>> {
  const sockets = new Map<string, number>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const lines = (await readFile(file, "latin1").catch(() => "")).split("\n").slice(1);
    for (const line of lines) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      if (state === listening && inode !== undefined && reachable.test(address))
        sockets.set(`socket:[${inode}]`, Number.parseInt(port, 16));
    }
  }
  return sockets;
}

/** One walk over all processes, newest first, until all are found or the time is over. Another user's cannot be read. */
async function ownersOf(sockets: ReadonlyMap<string, number>, signal: AbortSignal): Promise<Map<number, PortOwner>> {
  const owners = new Map<number, PortOwner>();
  const wanted = new Set(sockets.values());
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).toSorted((a, b) => Number(b) - Number(a));
  for (const pid of pids) {
    if (signal.aborted || owners.size >= wanted.size) break;
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    const held = targets.flatMap((target) => sockets.get(target) ?? []);
    if (held.length === 0) continue;
    const owner = processNamed(Number(pid), (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim());
    for (const port of held) owners.set(port, owner);
  }
  return owners;
}
