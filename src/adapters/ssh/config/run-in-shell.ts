import { spawn } from "node:child_process";
import { once } from "node:events";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A question about the place or the network takes moments; a command that hangs must not hold every dial. */
const longestMs = 5000;

/**
 * Runs a command of the person's own `~/.ssh/config` as OpenSSH does: by their shell, without input or output.
 * @returns whether it ended with 0
 * @throws ConnectivityError `config_invalid` when it does not end in time; the signal's reason
 */
export async function runInShell(
  command: string,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  signal?.throwIfAborted();
  const shell = environment["SHELL"] || "/bin/sh";
  const child = spawn(shell, ["-c", command], { stdio: "ignore", env: { ...environment }, detached: true });
  // The whole group: a shell that waits for its own child would leave that behind.
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // Ended meanwhile.
    }
  };
  const timer = setTimeout(kill, longestMs);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [code, killedBy] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    signal?.throwIfAborted();
    if (killedBy === "SIGKILL") {
      throw new ConnectivityError(
        "config_invalid",
        `a command of Match exec in the SSH configuration did not end within ${longestMs / 1000} s`,
      );
    }
    return code === 0;
  } catch (error) {
    if (error instanceof ConnectivityError || signal?.aborted) throw error;
    throw new ConnectivityError("config_invalid", "the shell for Match exec cannot be started", {}, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
  }
}
