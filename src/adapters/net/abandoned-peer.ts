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

/** The kernel's tables; a socket of IPv6 that carries IPv4 stands in the second one. */
const tables = { IPv4: "/proc/net/tcp", IPv6: "/proc/net/tcp6" } as const;
export type Family = keyof typeof tables;

/** Pairs of ports whose first end a process holds; `undefined` where the kernel has no such table (not Linux). */
async function readHeld(families: ReadonlySet<Family>): Promise<Set<number> | undefined> {
  const held = new Set<number>();
  try {
    for (const family of families) addHeld(await readFile(tables[family], "latin1"), held);
  } catch {
    return undefined;
  }
  return held;
}

/**
 * Tells a client that closed its socket from one that only ended its output: both send the same FIN, but on this machine
 * the kernel knows whether a process still holds the other end (proc(5): an orphaned socket has inode 0, later none).
 */
export class AbandonedPeers {
  readonly #read: typeof readHeld;
  /** The look that has not begun: a row of an older one could be missing because its connection is newer. */
  #next: Promise<Set<number> | undefined> | undefined;
  /** The one before it: looks that overlap make each other slow. */
  #last: Promise<unknown> = Promise.resolve();
  #notBeforeMs = 0;
  /** Tables that the next look is about: the client's end may stand in either, by how it connected. */
  #asked = new Set<Family>();

  /** @param read the kernel's tables */
  constructor(read = readHeld) {
    this.#read = read;
  }

  /**
   * Whether nobody holds the other end of a loopback connection any more. `false` when it cannot be told.
   * @param peerPort the client's port, which is the local one in its own row
   * @param family of the address that the client connected from
   */
  async abandoned(peerPort: number, ourPort: number, family: Family): Promise<boolean> {
    this.#asked.add(family);
    const held = await (this.#next ??= this.#look());
    return held !== undefined && !held.has(key(peerPort, ourPort));
  }

  async #look(): Promise<Set<number> | undefined> {
    await this.#last;
    const waitMs = Math.max(gatherMs, this.#notBeforeMs - performance.now());
    await new Promise((resolve) => {
      setTimeout(resolve, waitMs).unref();
    });
    this.#next = undefined;
    const families = this.#asked;
    this.#asked = new Set();
    const startedMs = performance.now();
    const reading = this.#read(families);
    this.#last = reading;
    const held = await reading;
    const nowMs = performance.now();
    this.#notBeforeMs = nowMs + restPerLook * (nowMs - startedMs);
    return held;
  }
}
