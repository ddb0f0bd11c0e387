import { readFile } from "node:fs/promises";

/** Questions of this long are answered by one look: many clients that give up at once cost no more than one. */
const gatherMs = 20;

const columns = { local: 1, remote: 2, inode: 9 } as const;

const portOf = (address: string | undefined): number =>
  Number.parseInt(address?.slice(address.indexOf(":") + 1) ?? "", 16);

/** The kernel's table of TCP sockets, as lines; `undefined` where there is none (not Linux). */
async function readTable(): Promise<string[] | undefined> {
  const tables = await Promise.allSettled([readFile("/proc/net/tcp", "latin1"), readFile("/proc/net/tcp6", "latin1")]);
  const read = tables.filter((table) => table.status === "fulfilled");
  return read.length === 0 ? undefined : read.flatMap((table) => table.value.split("\n").slice(1));
}

/**
 * Tells a client that closed its socket from one that only ended its output: both send the same FIN, but on this machine
 * the kernel knows whether a process still holds the other end (proc(5): an orphaned socket has inode 0, later none).
 */
export class AbandonedPeers {
  /** The look that has not begun: a row of an older one could be missing because its connection is newer. */
  #next: Promise<string[] | undefined> | undefined;

  /**
   * Whether nobody holds the other end of a loopback connection any more. `false` when it cannot be told.
   * @param peerPort the client's port, which is the local one in its own row
   */
  async abandoned(peerPort: number, ourPort: number): Promise<boolean> {
    const table = await (this.#next ??= this.#look());
    if (!table) return false;
    const row = table
      .map((line) => line.trim().split(/\s+/))
      .find((fields) => portOf(fields[columns.local]) === peerPort && portOf(fields[columns.remote]) === ourPort);
    return row === undefined || row[columns.inode] === "0";
  }

  async #look(): Promise<string[] | undefined> {
    await new Promise((resolve) => {
      setTimeout(resolve, gatherMs).unref();
    });
    this.#next = undefined;
    return readTable();
  }
}
