import { setTimeout as sleep } from "node:timers/promises";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { DaemonStatus } from "#server/daemon/wire.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { logTail } from "#shim/log-tail.ts";
import { askRunningDaemon, reachDaemon } from "#shim/reach-daemon.ts";
import { portwrightVersion } from "../../version.ts";
import { exit, type Command, type Invocation } from "../command.ts";
import { daemonPlace } from "#shim/daemon-place.ts";
import { render } from "../render.ts";
import { unknownAction } from "../unknown-action.ts";

const actions: Readonly<Record<string, (invocation: Invocation) => Promise<number>>> = {
  start,
  stop,
  status: showStatus,
  logs,
  run: async (invocation) => (await import("./daemon-run.ts")).runInForeground(invocation),
};

export const daemon: Command = {
  usage: "daemon start|stop|status|logs|run",
  description:
    "The background process that holds the connections; there is one per user. It is started when it is needed and ends by itself when nothing is wanted up, so these commands are seldom needed. 'run' stays in the foreground, for a service manager.",
  examples: [
    "portwright daemon status --output json",
    "portwright daemon stop",
    "portwright daemon logs --lines 50",
    "portwright daemon logs --follow",
  ],
  options: {
    lines: { type: "string", value: "N", description: "logs: how many of the last lines; default: 20" },
    follow: { type: "boolean", short: "f", description: "logs: go on as it grows" },
  },
  positionals: [1, 1],
  async run(invocation) {
    const [action = ""] = invocation.positionals;
    const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
    return run === undefined ? unknownAction(invocation, "daemon", action, Object.keys(actions)) : run(invocation);
  },
};

async function start(invocation: Invocation): Promise<number> {
  const { env, cwd, config } = invocation;
  const hello = { id: newClientId(), version: portwrightVersion, client: "terminal", terminal: true, config, env, cwd };
  const connection = await reachDaemon(daemonPlace(invocation), clientHello(hello));
  connection.socket.destroy();
  return showStatus(invocation);
}

async function showStatus(invocation: Invocation): Promise<number> {
  const paths = portwrightPaths(invocation.env, invocation.homeDir);
  const status = await ask(invocation, "status");
  if (status === undefined) throw notRunning();
  const { pid, version, uptime_s, clients, services, connections } = status;
  const answer = { pid, version, uptime_s, clients, services, connections, log: paths.logFile };
  await render(invocation, answer, () => ({
    summary: `The daemon ${version} runs (pid ${pid}): ${services.ready} of ${services.wanted} wanted services ready, ${clients} clients, ${connections} forwarded connections. Log: ${paths.logFile}`,
  }));
  return exit.done;
}

async function stop(invocation: Invocation): Promise<number> {
  const status = await ask(invocation, "stop");
  if (status !== undefined) await ended(status.pid);
  await render(invocation, status === undefined ? { stopped: false } : { stopped: true, pid: status.pid }, () => ({
    summary:
      status === undefined
        ? "No daemon was running."
        : `The daemon (pid ${status.pid}) ended. What was wanted up comes back when it starts again.`,
  }));
  return exit.done;
}

/** A stopping daemon closes its forwards first. */
const stopTimeoutMs = 10_000;

async function ended(pid: number): Promise<void> {
  const untilMs = performance.now() + stopTimeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > untilMs) {
      throw new ConnectivityError("operation_timed_out", `the daemon (pid ${pid}) was asked to end and still runs`, {
        pid,
      });
    }
    await sleep(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function logs({ env, homeDir, options, stdout, stderr }: Invocation): Promise<number> {
  const { logFile } = portwrightPaths(env, homeDir);
  const lines = Number(options["lines"] ?? 20);
  if (!Number.isInteger(lines) || lines < 0) {
    stderr.write("portwright daemon logs: --lines needs a whole number\n");
    return exit.usage;
  }
  const tail = logTail(logFile, lines, 1024 * 1024);
  if (tail !== "") stdout.write(`${tail}\n`);
  if (options["follow"] === true) await (await import("../follow-file.ts")).followFile(logFile, stdout);
  return exit.done;
}

const ask = ({ env, homeDir }: Invocation, control: "status" | "stop"): Promise<DaemonStatus | undefined> =>
  askRunningDaemon(portwrightPaths(env, homeDir), { version: portwrightVersion, control });

const notRunning = (): ConnectivityError =>
  new ConnectivityError(
    "daemon_unreachable",
    "no daemon is running; it starts when it is needed, or with 'portwright daemon start'",
  );
