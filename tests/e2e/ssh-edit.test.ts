/** The file is edited while connections are open: the way changes under them, the target does not. */
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { startBlackhole, type Blackhole } from "../support/blackhole.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

describe.skipIf(!hasSshd)("[edit-drains] an SSH service's way is edited", { timeout: 60_000 }, () => {
  let home: Home;
  let [server, hop] = [] as unknown as [Sshd, Sshd];
  let [toServer, toHop] = [] as unknown as [Blackhole, Blackhole];
  let [echo, other] = [] as unknown as [Target, Target];
  const scope: AsyncDisposable[] = [];
  beforeAll(async () => {
    home = await makeHome();
    [server, hop, echo, other] = await Promise.all([startSshd(), startSshd(), startEcho(), startEcho()]);
    [toServer, toHop] = await Promise.all([startBlackhole(server.port), startBlackhole(hop.port)]);
    scope.push(home, toServer, toHop, server, hop, echo, other);
  });
  afterAll(async () => {
    for (const resource of scope) await resource[Symbol.asyncDispose]();
  });

  const configure = async (keys: string, target = echo.port): Promise<void> => {
    await mkdir(`${home.path}/.ssh`, { recursive: true, mode: 0o700 });
    const host = (name: string, { user, keyFile }: Sshd, port: number): string =>
      `Host ${name}\n HostName 127.0.0.1\n Port ${port}\n User ${user}\n IdentityFile ${keyFile}\n HostKeyAlias ${name}\n`;
    await writeFile(
      `${home.path}/.ssh/config`,
      `${host("server", server, toServer.port)}${host("hop", hop, toHop.port)}`,
      { mode: 0o600 },
    );
    const known = (name: string, port: number, { knownHosts }: Sshd): string =>
      knownHosts.replace(/^\S+/, `${name},[${name}]:${port}`);
    await writeFile(
      `${home.path}/.ssh/known_hosts`,
      known("server", toServer.port, server) + known("hop", toHop.port, hop),
    );
    await home.configure(`services:
  - {name: db, technology: ssh, remote_port: ${target}, connection: {host: server, remote_host: 127.0.0.1}${keys}}
`);
  };
  const start = async (): Promise<number> => {
    const { stdout } = await home.cli(["call", "start_environment", "{}"]);
    const { services } = JSON.parse(stdout) as { services: { state: string; endpoint: string }[] };
    expect(services[0]?.state).toBe("ready");
    return Number(services[0]?.endpoint.split(":").at(-1));
  };
  async function says(socket: net.Socket, text: string): Promise<boolean> {
    socket.write(text);
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return String(answer) === text;
  }
  const client = async (port: number): Promise<net.Socket> => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };

  test("what is open goes on by the old connection, what comes takes the new one, and nobody is refused", async () => {
    await configure("");
    const port = await start();
    const held = await client(port);
    expect(await says(held, "one")).toBe(true);
    let over = false;
    held.on("close", () => (over = true));

    const failures: unknown[] = [];
    let served = 0;
    const editing = new AbortController();
    const hammering = (async () => {
      while (!editing.signal.aborted) {
        try {
          const socket = await client(port);
          if (!(await says(socket, "x"))) failures.push("wrong");
          served++;
          socket.destroy();
        } catch (error) {
          failures.push(error);
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    await configure(", via: [hop]");
    await eventually(async () => toHop.arrivals > 0, 15_000);
    expect(await start()).toBe(port);
    await new Promise((resolve) => setTimeout(resolve, 300));
    editing.abort();
    await hammering;
    expect(failures).toEqual([]);
    expect(served).toBeGreaterThan(3);
    expect(await says(held, "two")).toBe(true);

    expect(toServer.arrivals).toBe(2);

    // A second edit, of the check, over the first.
    const fresh = await client(port);
    expect(await says(fresh, "three")).toBe(true);
    await configure(', via: [hop], health_check: {type: tcp, interval: "7s"}');
    await start();
    expect(await says(held, "four")).toBe(true);
    expect(await says(fresh, "five")).toBe(true);
    expect(over).toBe(false);

    // Another target is another thing: whoever speaks to the old one learns it.
    const ends = (socket: net.Socket) => new Promise((resolve) => socket.once("close", resolve));
    const closed = Promise.all([ends(held), ends(fresh)]);
    await configure(", via: [hop]", other.port);
    await start();
    await closed;
  });
});
