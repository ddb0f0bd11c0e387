import { readdir, readFile, readlink } from "node:fs/promises";
import { basename } from "node:path";
import type { PortOwner } from "#application/ports/port-owner.ts";

/** A program's name is text that the program chose: only harmless characters pass, and few. */
const harmlessName = /^[A-Za-z0-9][\w.+:@/-]{0,31}$/;

/** A process by its id and the name that the system has for it, which is left out when it could do harm. */
export const processNamed = (pid: number, name: string): PortOwner => ({
  pid,
  ...(harmlessName.test(name) && { program: name }),
});

const portOf = (address: string | undefined): number =>
  Number.parseInt(address?.slice(address.indexOf(":") + 1) ?? "", 16);

/** TCP sockets of this machine by their ports and state (proc(5)), as `/proc/PID/fd` names them: `socket:[inode]`. */
export async function socketsWhere(
  wanted: (localPort: number, remotePort: number, state: string) => boolean,
): Promise<Set<string>> {
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const lines = (await readFile(file, "latin1").catch(() => "")).split("\n").slice(1);
    for (const line of lines) {
      const [, local, remote, state = "", , , , , , inode] = line.trim().split(/\s+/);
      if (inode !== undefined && inode !== "0" && wanted(portOf(local), portOf(remote), state)) {
        inodes.add(`socket:[${inode}]`);
      }
    }
  }
  return inodes;
}

/**
 * The process that has one of the sockets open. Another user's descriptors cannot be read.
 * @param first processes to look at before all others
 */
export async function holderOf(
  inodes: ReadonlySet<string>,
  signal: AbortSignal,
  first: readonly string[] = [],
): Promise<PortOwner | undefined> {
  // Newest processes first: one that came just now is the usual answer.
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).toSorted((a, b) => Number(b) - Number(a));
  for (const pid of [...first, ...pids]) {
    if (signal.aborted) return undefined;
    if (!(await holdsSocket(pid, inodes))) continue;
    return processNamed(Number(pid), await programOf(pid));
  }
  return undefined;
}

/** The file that it runs: a program may call its threads anything (Node's is `MainThread`). */
async function programOf(pid: string): Promise<string> {
  const file = await readlink(`/proc/${pid}/exe`).catch(() => "");
  if (file !== "") return basename(file.replace(/ \(deleted\)$/, ""));
  return (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.some((target) => inodes.has(target));
}
