import type { PortOwner, PortOwners } from "#application/ports/port-owner.ts";
import { holderOf, processNamed, socketsWhere } from "./proc-sockets.ts";

/** A search never takes longer: it stands between a refused port and its answer. */
const limitMs = 1000;

const listening = "0A";

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

/** proc(5): the inode of the listening socket, then the process that has it open. */
async function byProc(port: number, signal: AbortSignal): Promise<PortOwner | undefined> {
  const inodes = await socketsWhere((local, _remote, state) => local === port && state === listening);
  return inodes.size === 0 ? undefined : holderOf(inodes, signal);
}

/** `-F` output: lines `p<pid>` and `c<command>`. */
async function byLsof(port: number, signal: AbortSignal): Promise<PortOwner | undefined> {
  const arguments_ = ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpc"];
  const { execFile } = await import("node:child_process");
  const output = await new Promise<string>((resolve) => {
    execFile("lsof", arguments_, { signal, encoding: "utf8" }, (_error, stdout) => resolve(stdout));
  });
  const pid = /^p(\d+)$/m.exec(output)?.[1];
  return pid === undefined ? undefined : processNamed(Number(pid), /^c(.+)$/m.exec(output)?.[1] ?? "");
}
