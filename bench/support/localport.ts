import { execFileSync, spawn, type ExecFileSyncOptions } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { end, memoryOfTree, processTree, type TreeMemory } from "./process.ts";

const version = "1.2.0";
/** Its program, in an environment that stays for the next run. */
const folder = join(tmpdir(), `portwright-bench-localport-${version}-${process.getuid?.() ?? 0}`);
const python = join(folder, "bin", "python3");
const installed = join(folder, "bin", "localport");

/** Installs LocalPort from the package registry, once. @returns why it is not there, or `undefined` */
export function installLocalport(): string | undefined {
  if (existsSync(installed)) return undefined;
  try {
    const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "pipe"] };
    execFileSync("python3", ["-m", "venv", folder], quiet);
    execFileSync(join(folder, "bin", "pip"), ["install", "-q", `localport==${version}`], quiet);
    return undefined;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    return String(error).split("\n")[0] ?? "unknown";
  }
}

const upTimeoutMs = 60_000;

/** Its daemon, started as its `daemon start` does it, as a child of ours; ends with all that it started. */
export function startLocalport(yaml: string): { readonly pid: number } & AsyncDisposable {
  const home = mkdtempSync(join(tmpdir(), "lp-bench-"));
  const file = join(home, "localport.yaml");
  writeFileSync(file, yaml);
  const daemon = spawn(
    python,
    ["-m", "localport.daemon", "--config", file, "--pid-file", join(home, "pid"), "--foreground"],
    {
      cwd: home,
      stdio: "ignore",
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: home,
        XDG_RUNTIME_DIR: home,
        KUBECONFIG: process.env["TESTBED_KUBECONFIG"] ?? "",
      },
    },
  );
  return {
    pid: daemon.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const children = processTree(daemon.pid ?? 0).slice(1);
      await end(daemon);
      // It may leave some behind.
      for (const pid of children) endIfThere(pid);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/**
 * Its daemon with what it started, once all ports take connections (which says less than our `ready`) and `settleMs`
 * more have passed.
 * @throws Error when not all of them do within a minute
 */
export async function measureLocalport(yaml: string, ports: readonly number[], settleMs: number): Promise<TreeMemory> {
  await using daemon = startLocalport(yaml);
  const untilMs = performance.now() + upTimeoutMs;
  for (const port of ports) {
    while (!(await accepts(port))) {
      if (performance.now() > untilMs) throw new Error(`it does not serve port ${port} after a minute`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return memoryOfTree(daemon.pid);
}

function endIfThere(pid: number): void {
  try {
    process.kill(pid);
  } catch {
    // It ended.
  }
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
