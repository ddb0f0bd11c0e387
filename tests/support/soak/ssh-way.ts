import { spawn } from "node:child_process";
import { once } from "node:events";
import type net from "node:net";
import { createInterface } from "node:readline";
import { createSshDriver } from "#adapters/ssh/index.ts";
import { serviceSchema } from "#domain/spec/service.ts";
import { closedPort } from "../../contract/forward-driver-targets.ts";
import { CuttableRelay } from "../cuttable-relay.ts";
import { makeRuntime, type RuntimeUnderTest } from "../service-runtime.ts";
import { sshHome } from "../ssh-client.ts";
import { startSshd } from "../sshd.ts";
import { disturbRelay, relayDisturbances } from "./disturb-relay.ts";
import type { Random } from "./random.ts";
import type { Scenario } from "./scenarios.ts";
import type { Way } from "./soak.ts";
import { targetProgram } from "./target.ts";

export type SshWayName = "ssh2" | "openssh" | "remote" | "openssh-remote" | "dynamic" | "openssh-dynamic";

const kinds = ["main", "banner", "refused"] as const;

/** The target as a process of its own. */
async function startTarget() {
  const child = spawn(process.execPath, ["-e", targetProgram(0, 0, "127.0.0.1")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const ports: number[] = [];
  const listening = new Promise<void>((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line);
      if (!line.startsWith("listening ")) return;
      ports.push(Number(line.split(" ")[1]));
      if (ports.length === 2) resolve();
    });
  });
  await listening;
  const [main = 0, banner = 0] = ports;
  return {
    ports: { main, banner, refused: await closedPort() },
    lines,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** Asks a SOCKS proxy for a port; one that is refused is reset here. */
const socks =
  (port: number) =>
  async (socket: net.Socket): Promise<void> => {
    const read = async (bytes: number): Promise<Buffer> => {
      for (;;) {
        const chunk = socket.read(bytes) as Buffer | null;
        if (chunk !== null) return chunk;
        if (socket.destroyed) throw new Error("closed within SOCKS");
        await Promise.race([once(socket, "readable"), once(socket, "close")]);
      }
    };
    socket.write(Buffer.from([5, 1, 0]));
    await read(2);
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff]));
    const answer = await read(10);
    if (answer[1] !== 0) socket.resetAndDestroy();
  };

/** An OpenSSH server of our own behind a relay, and forwards by one driver to a target beside it. */
export async function sshWay(name: SshWayName, disturbed: boolean): Promise<Way & AsyncDisposable> {
  await using scope = new AsyncDisposableStack();
  const home = scope.use(await sshHome());
  home.env["PATH"] = process.env["PATH"] ?? "";
  const server = scope.use(await startSshd(["MaxSessions 200", "MaxStartups 200"]));
  const relay = scope.use(await CuttableRelay.start({ host: "127.0.0.1", port: server.port }));
  const target = scope.use(await startTarget());
  await home.write("known_hosts", server.knownHosts.replace(/^\S+/, `[127.0.0.1]:${relay.port}`));
  const driver = createSshDriver({ limits: { keepaliveMs: 2000, keepaliveCount: 2 }, lingerMs: 500, retryGapMs: 200 });
  scope.defer(() => driver.close());
  const login = {
    host: "127.0.0.1",
    port: relay.port,
    user: server.user,
    key_file: server.keyFile,
    driver: name.startsWith("openssh") ? "openssh" : "ssh2",
  };
  const direction = name.endsWith("remote") ? "remote" : name.endsWith("dynamic") ? "dynamic" : "local";

  const running = {} as Record<Scenario["port"], RuntimeUnderTest>;
  const remotePorts = {} as Record<Scenario["port"], number>;
  for (const kind of kinds) {
    const port = target.ports[kind];
    remotePorts[kind] = direction === "remote" ? await closedPort() : port;
    const local = { connection: { ...login, remote_host: "127.0.0.1" }, remote_port: port };
    const remote = { connection: { ...login, direction }, remote_port: remotePorts[kind], local_port: port };
    const spec = serviceSchema.parse({
      name: "target",
      technology: "ssh",
      ...(direction === "local" ? local : direction === "remote" ? remote : { connection: { ...login, direction } }),
      ...(direction !== "dynamic" && { health_check: { type: "tcp", interval: "60s" } }),
      waiting_room: { connections: 2000, timeout: kind === "refused" ? "1s" : "10s" },
    });
    const under = scope.use(
      makeRuntime(spec, {
        driver: () => Promise.resolve(driver),
        access: home.access,
        ...(direction === "remote" && { listen: async () => ({ host: "127.0.0.1", port: 0, close: async () => {} }) }),
      }),
    );
    await under.runtime.start();
    if (kind !== "refused")
      await under.becomes("ready", 20_000).catch(() => {
        throw new Error(`not ready: ${JSON.stringify(under.runtime.condition)}`);
      });
    running[kind] = under;
  }
  const disturb = async (random: Random): Promise<string> => {
    const how = random.of(...relayDisturbances, "sessions", "server");
    switch (how) {
      case "sessions":
        server.killSessions();
        return "sessions killed";
      case "server":
        await server.stop();
        await server.start();
        return "server restarted";
      default:
        return disturbRelay(relay, how, "server");
    }
  };
  const resources = scope.move();
  return {
    name,
    limits: { halfClose: true, resets: false, refuses: direction !== "remote", mostBytes: 2_000_000 },
    port: (of) => (direction === "remote" ? remotePorts[of] : running[of].runtime.port),
    ...(direction === "dynamic" && { prepare: (of: Scenario["port"]) => socks(target.ports[of]) }),
    ...(disturbed && { disturb }),
    targetLines: async () => target.lines,
    state: () => ({
      ...running.main.runtime.transport?.facts(),
      changes: Object.values(running).map(({ changes }) => changes.slice(-10)),
    }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
