import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The built command, as users run it. */
export const mainJs = resolve(import.meta.dirname, "../../dist/main.js");

export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary `PORTWRIGHT_HOME` with a project folder in it; its daemon ends with it. */
export interface Home extends AsyncDisposable {
  readonly path: string;
  /** The project folder: the working directory of clients. */
  readonly project: string;
  /** A bare environment, as a desktop app has it, with `PORTWRIGHT_HOME`. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes `portwright.yaml` of the project. */
  configure(yaml: string): Promise<void>;
  /** What an AI client starts. */
  mcp(env?: Readonly<Record<string, string>>): {
    command: string;
    args: string[];
    env: Record<string, string>;
    cwd: string;
  };
  /** Runs the command line in the project folder. Never rejects for an exit code. */
  cli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Exit>;
  daemonPid(): Promise<number>;
}

export async function makeHome(): Promise<Home> {
  const path = await mkdtemp(join(tmpdir(), "pw-"));
  const project = join(path, "project");
  await mkdir(project);
  const bare = {
    PATH: process.env["PATH"] ?? "",
    HOME: path,
    USER: process.env["USER"] ?? "root",
    PORTWRIGHT_HOME: path,
  };
  const home: Home = {
    path,
    project,
    env: bare,
    configure: (yaml) => writeFile(join(project, "portwright.yaml"), yaml),
    mcp: (env = {}) => ({ command: process.execPath, args: [mainJs, "mcp"], env: { ...bare, ...env }, cwd: project }),
    async cli(args, env = {}) {
      try {
        const { stdout, stderr } = await run(process.execPath, [mainJs, ...args], {
          cwd: project,
          env: { ...bare, ...env },
        });
        return { code: 0, stdout, stderr };
      } catch (thrown) {
        const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
        return { code, stdout, stderr };
      }
    },
    async daemonPid() {
      const { stdout } = await home.cli(["daemon", "status", "--output", "json"]);
      return (JSON.parse(stdout) as { pid: number }).pid;
    },
    async [Symbol.asyncDispose]() {
      await home.cli(["daemon", "stop"]);
      await rm(path, { recursive: true, force: true });
    },
  };
  return home;
}
