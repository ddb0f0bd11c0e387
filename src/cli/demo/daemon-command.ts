import { execFile } from "node:child_process";
import { promisify } from "node:util";

const timeoutMs = 10_000;

/** The demo's own daemon, by the command line: what a person would type. */
export interface DaemonCommand {
  /** Ends it, and makes sure that it is gone. Never throws. */
  stop(): Promise<void>;
}

export function daemonCommand(self: readonly [string, ...string[]], env: NodeJS.ProcessEnv): DaemonCommand {
  const [program, ...args] = self;
  const run = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(program, [...args, "daemon", ...words], { env, timeout: timeoutMs });
    return stdout;
  };
  return {
    async stop() {
      const pid = await run("status", "--output", "json").then(pidOf, () => undefined);
      if (pid === undefined) return;
      await run("stop").catch(() => undefined);
      for (let looks = 0; looks < 50 && isAlive(pid); looks++) await new Promise((resolve) => setTimeout(resolve, 50));
      if (isAlive(pid)) process.kill(pid, "SIGKILL");
    },
  };
}

function pidOf(status: string): number | undefined {
  const { pid } = JSON.parse(status) as { readonly pid?: unknown };
  return typeof pid === "number" && pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
