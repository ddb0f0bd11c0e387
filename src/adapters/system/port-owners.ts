import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import type { PortOwner, PortOwners } from "#application/ports/port-owner.ts";

const timeoutMs = 1000;
const listenState = "0A";

/** Who listens on a local port: from /proc on Linux, by `lsof` elsewhere. Only processes that this user may look at. */
export function createPortOwners(platform: NodeJS.Platform = process.platform): PortOwners {
  const find = platform === "linux" ? findInProc : findByLsof;
  return {
    find: (port) => {
      const late = new Promise<undefined>((resolve) => void setTimeout(() => resolve(undefined), timeoutMs).unref());
      return Promise.race([find(port).catch(() => undefined), late]);
    },
  };
}

async function findInProc(port: number): Promise<PortOwner | undefined> {
  const inodes = new Set((await Promise.all([listeningInodes("tcp", port), listeningInodes("tcp6", port)])).flat());
  if (inodes.size === 0) return undefined;
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    if (!(await holdsSocket(pid, inodes))) continue;
    const program = (await readFile(`/proc/${pid}/comm`, "utf8")).trim();
    return { pid: Number(pid), program };
  }
  return undefined;
}

/** Inodes of the sockets that listen on a port (proc(5): the second column is the local address, the tenth the inode). */
async function listeningInodes(table: "tcp" | "tcp6", port: number): Promise<string[]> {
  const text = await readFile(`/proc/net/${table}`, "utf8").catch(() => "");
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    return columns[1]?.endsWith(suffix) && columns[3] === listenState && columns[9] !== undefined ? [columns[9]] : [];
  });
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (target.startsWith("socket:[") && inodes.has(target.slice(8, -1))) return true;
  }
  return false;
}

/** `lsof -F` prints one field a line: `p` the pid, `c` the command. */
function findByLsof(port: number): Promise<PortOwner | undefined> {
  return new Promise((resolve) => {
    execFile("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"], { timeout: timeoutMs }, (_error, stdout) => {
      const pid = /^p(\d+)$/m.exec(stdout)?.[1];
      const program = /^c(.+)$/m.exec(stdout)?.[1];
      resolve(pid === undefined ? undefined : { pid: Number(pid), ...(program !== undefined && { program }) });
    });
  });
}
