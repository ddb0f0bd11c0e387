/** A port that a server chose is the service's own over a daemon that was killed; when it is taken, that is told. */
import { once } from "node:events";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

describe.skipIf(!hasSshd)("[ssh-remote-port-stable] port 0 of a remote forward", { timeout: 60_000 }, () => {
  let home: Home;
  let sshd: Sshd;
  let echo: Target;
  beforeAll(async () => {
    home = await makeHome();
    sshd = await startSshd();
    echo = await startEcho();
    const { port, user, keyFile, knownHostsFile } = sshd;
    await home.configure(`services:
  - {name: hook, technology: ssh, local_port: ${echo.port}, connection: {direction: remote, host: 127.0.0.1, port: ${port}, user: ${user}, key_file: "${keyFile}", known_hosts_file: "${knownHostsFile}"}}
`);
  });
  afterAll(async () => {
    await home[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
    await echo[Symbol.asyncDispose]();
  });

  const call = async (tool: string, args: object): Promise<Record<string, unknown>> =>
    JSON.parse((await home.cli(["call", tool, JSON.stringify(args)])).stdout) as Record<string, unknown>;
  /** The port at the server, once it is ready. */
  const portNow = (): Promise<number> =>
    eventually(async () => {
      const all = await call("start_environment", {});
      const { services } = all as { services?: { state: string; endpoint?: string }[] };
      const [row] = services ?? [];
      return row?.state === "ready" ? Number(row.endpoint?.split(":").at(-1)) : undefined;
    }, 20_000);

  test("is the same after the daemon was killed, and another one only when it is taken", async () => {
    const first = await portNow();
    expect(first).toBeGreaterThan(0);
    process.kill(await home.daemonPid(), "SIGKILL");
    expect(await portNow()).toBe(first);

    process.kill(await home.daemonPid(), "SIGKILL");
    const holder = net.createServer();
    await eventually(async () => {
      holder.listen(first, "127.0.0.1");
      return once(holder, "listening").then(
        () => true,
        () => undefined,
      );
    }, 10_000);
    const moved = await portNow();
    holder.close();
    expect(moved).not.toBe(first);
    const events = JSON.stringify(await call("query", { source: "events" }));
    expect(events).toContain(`the server's port ${first}, which it had before, is taken: it is ${moved} from now on`);
  });
});
