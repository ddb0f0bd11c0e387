import { readdir, readFile, readlink } from "node:fs/promises";
import type { PortOwner, PortOwners } from "#application/ports/port-owner.ts";

/** A search never takes longer: it stands between a refused port and its answer. */
const limitMs = 1000;

const listening = "0A";

/** A program's name is text that the program chose: only harmless characters pass, and few. */
const harmlessName = /^[A-Za-z0-9][\w.+:@/-]{0,31}$/;

/** By `/proc` on Linux and `lsof` on macOS; elsewhere nobody is found. */
export function createPortOwners(platform: NodeJS.Platform = process.platform): PortOwners {
  return {
    async find(port) {
      const signal = AbortSignal.timeout(limitMs);
      const search =
        platform === "linux" ? byProc(port, signal) : platform === "darwin" ? byLsof(port, signal) : undefined;
      const late = new Promise<undefined>((resolve) => {
        signal.addEventListener("abort", () => resolve(undefined), { once: true });
      });
      return Promise.race([search?.catch(() => undefined), late]);
    },
  };
}

const owner = (pid: number, name: string): PortOwner => ({ pid, ...(harmlessName.test(name) && { program: name }) });

/** proc(5): the inode of the listening socket, then the process that has it open. Another user's descriptors cannot be read. */
async function byProc(port: number, signal: AbortSignal): Promise<PortOwner | undefined> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return undefined;
  // Newest processes first: a server that took the port just now is the usual answer.
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).toSorted((a, b) => Number(b) - Number(a));
  for (const pid of pids) {
    if (signal.aborted) return undefined;
    if (await holdsSocket(pid, inodes)) return owner(Number(pid), (await readFile(`/proc/${pid}/comm`, "utf8")).trim());
  }
  return undefined;
}

async function listeningInodes(port: number): Promise<Set<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const lines = (await readFile(file, "latin1").catch(() => "")).split("\n").slice(1);
    for (const line of lines) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && local?.endsWith(suffix) && inode !== undefined) inodes.add(`socket:[${inode}]`);
    }
  }
  return inodes;
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return targets.some((target) => inodes.has(target));
}

/** `-F` output: lines `p<pid>` and `c<command>`. */
async function byLsof(port: number, signal: AbortSignal): Promise<PortOwner | undefined> {
  const arguments_ = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"];
  const { execFile } = await import("node:child_process");
  const output = await new Promise<string>((resolve) => {
    execFile("lsof", arguments_, { signal, encoding: "utf8" }, (_error, stdout) => resolve(stdout));
  });
  const pid = /^p(\d+)$/m.exec(output)?.[1];
  return pid === undefined ? undefined : owner(Number(pid), /^c(.+)$/m.exec(output)?.[1] ?? "");
}
