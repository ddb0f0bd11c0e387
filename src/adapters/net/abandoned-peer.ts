import { readFile } from "node:fs/promises";

/** Questions of this long are answered by one look: many clients that give up at once cost no more than one. */
const gatherMs = 20;

/** A look takes at most this part of the time: a machine with many sockets has a long table. */
const restPerLook = 20;

/** TIME_WAIT: most rows of a busy table, and nobody's. */
const timeWait = "06";

const key = (peerPort: number, ourPort: number): number => peerPort * 65_536 + ourPort;
const portOf = (address: string | undefined): number =>
  Number.parseInt(address?.slice(address.lastIndexOf(":") + 1) ?? "", 16);

/** Adds the sockets of one of the kernel's tables that a process holds (proc(5): an orphaned one has inode 0). */
function addHeld(table: string, held: Set<number>): void {
  for (let at = table.indexOf("\n") + 1; at > 0 && at < table.length;) {
    const end = table.indexOf("\n", at);
    const row = table.slice(at, end === -1 ? table.length : end);
    at = end + 1;
    const [, local, remote, state, , , , , , inode] = row.trimStart().split(/ +/, 10);
    if (state !== timeWait && inode !== "0") held.add(key(portOf(local), portOf(remote)));
    if (end === -1) break;
  }
}

/** Pairs of ports whose first end a process holds; `undefined` where the kernel has no such tables (not Linux). */
async function readHeld(): Promise<Set<number> | undefined> {
  const tables = await Promise.allSettled([readFile("/proc/net/tcp", "latin1"), readFile("/proc/net/tcp6", "latin1")]);
  const read = tables.filter((table) => table.status === "fulfilled");
  if (read.length === 0) return undefined;
  const held = new Set<number>();
  for (const { value } of read) addHeld(value, held);
  return held;
}

/**
 * Tells a client that closed its socket from one that only ended its output: both send the same FIN, but on this machine
 * the kernel knows whether a process still holds the other end (proc(5): an orphaned socket has inode 0, later none).
 */
export class AbandonedPeers {
  /** The look that has not begun: a row of an older one could be missing because its connection is newer. */
  #next: Promise<Set<number> | undefined> | undefined;
  #notBeforeMs = 0;

  /**
   * Whether nobody holds the other end of a loopback connection any more. `false` when it cannot be told.
   * @param peerPort the client's port, which is the local one in its own row
   */
  async abandoned(peerPort: number, ourPort: number): Promise<boolean> {
    const held = await (this.#next ??= this.#look());
    return held !== undefined && !held.has(key(peerPort, ourPort));
  }

  async #look(): Promise<Set<number> | undefined> {
    const waitMs = Math.max(gatherMs, this.#notBeforeMs - performance.now());
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs).unref();
    });
    this.#next = undefined;
    const startedMs = performance.now();
    const held = await readHeld();
    const nowMs = performance.now();
    this.#notBeforeMs = nowMs + restPerLook * (nowMs - startedMs);
    return held;
  }
}
