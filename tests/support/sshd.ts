import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { keygen } from "./openssh-programs.ts";

const program = "/usr/sbin/sshd";

/** Whether an OpenSSH server of our own can be started here, for `skipIf`. */
export const hasSshd = existsSync(program);

/** A real OpenSSH server of the test's own, that lets in the user who runs the test. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** A private key that it accepts. */
  readonly keyFile: string;
  /** One line per host key. */
  readonly knownHosts: string;
  /** A file with those lines. */
  readonly knownHostsFile: string;
  /** Ends its session processes, as an administrator would; it goes on listening. */
  killSessions(): void;
  /** Freezes its session processes without closing anything, until they are resumed or it is disposed. */
  freezeSessions(): void;
  /** Freezes or resumes all of it: it accepts connections and says nothing. */
  freeze(): void;
  resume(): void;
  /** Ends it with all sessions, as if its host were gone; `start` brings it back at the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** @param settings further lines of sshd_config(5) */
export async function startSshd(settings: readonly string[] = []): Promise<Sshd> {
  const dir = await mkdtemp(path.join(os.tmpdir(), "portwright-sshd-"));
  const keyFile = path.join(dir, "client_key");
  const hostKey = path.join(dir, "host_key");
  for (const file of [keyFile, hostKey]) execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  await writeFile(path.join(dir, "authorized_keys"), await readFile(`${keyFile}.pub`));
  const port = await freePort();
  const lines = [
    ...settings,
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostKey}`,
    `PidFile ${path.join(dir, "pid")}`,
    `AuthorizedKeysFile ${path.join(dir, "authorized_keys")}`,
    "StrictModes no",
    "UsePAM no",
    "PermitRootLogin yes",
    "UseDNS no",
    "LogLevel QUIET",
  ];
  await writeFile(path.join(dir, "config"), `${lines.join("\n")}\n`);
  // Where it separates privileges it wants this folder; it is gone after a reboot.
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    server = spawn(program, ["-D", "-e", "-f", path.join(dir, "config")], { stdio: "ignore" });
    await answers(port);
  };
  await start();
  const host = (await readFile(`${hostKey}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
  const knownHosts = `[127.0.0.1]:${port} ${host}\n`;
  const knownHostsFile = path.join(dir, "known_hosts");
  await writeFile(knownHostsFile, knownHosts);
  const signalSessions = (signal: NodeJS.Signals): void => {
    for (const pid of descendants(server.pid ?? -1)) signalIfAlive(pid, signal);
  };
  const stop = async (): Promise<void> => {
    signalSessions("SIGKILL");
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill("SIGKILL");
    await once(server, "exit");
  };
  return {
    port,
    user: os.userInfo().username,
    keyFile,
    knownHosts,
    knownHostsFile,
    killSessions: () => signalSessions("SIGKILL"),
    freezeSessions: () => signalSessions("SIGSTOP"),
    freeze: () => {
      signalSessions("SIGSTOP");
      server.kill("SIGSTOP");
    },
    resume: () => {
      server.kill("SIGCONT");
      signalSessions("SIGCONT");
    },
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Waits until something speaks at the port. */
async function answers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = net.connect(port, "127.0.0.1");
    try {
      await once(socket, "data", { signal: AbortSignal.timeout(1000) });
      return;
    } catch {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`no sshd answers at port ${port}`);
}

/** Processes below a process, from Linux's /proc. */
function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The program's name is in parentheses and may hold blanks; the parent is the second field behind it.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      parents.set(Number(name), Number(fields[1]));
    } catch {
      // Ended meanwhile.
    }
  }
  const below = (parent: number): number[] =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended meanwhile.
  }
}
