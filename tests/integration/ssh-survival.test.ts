import { once } from "node:events";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import { composeRoute } from "#application/engine/routes.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";
import { payload, sha256, startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { startBlackhole, type Blackhole } from "../support/blackhole.ts";
import { eventually } from "../support/eventually.ts";
import { makeRuntime, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { sshHome, type SshHome } from "../support/ssh-client.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!hasSshd)("links over own OpenSSH servers (skipped where /usr/sbin/sshd is not installed)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  let echo: Target;
  const scope: AsyncDisposable[] = [];
  const using = <T extends AsyncDisposable>(resource: T): T => {
    scope.push(resource);
    return resource;
  };

  beforeEach(async () => {
    home = await sshHome();
    driver = createSshDriver({ limits: { handshakeMs: 2000, loginMs: 5000, keepaliveMs: 300, keepaliveCount: 2 } });
    echo = using(await startEcho());
  });
  afterEach(async () => {
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await driver.close();
    await home[Symbol.asyncDispose]();
  });

  /** Servers by name, each reached at its own port or by a relay in front of it. */
  async function hosts(servers: Readonly<Record<string, Sshd>>, relays: Readonly<Record<string, Blackhole>> = {}) {
    const config = Object.entries(servers).map(
      ([name, { port, user, keyFile }]) =>
        `Host ${name}\n HostName 127.0.0.1\n Port ${relays[name]?.port ?? port}\n User ${user}\n IdentityFile ${keyFile}\n HostKeyAlias ${name}\n`,
    );
    const known = Object.entries(servers).map(([name, { knownHosts, port }]) => {
      const keyed = relays[name]?.port ?? port;
      return knownHosts.replace(/^\S+/, `${name},[${name}]:${keyed},[127.0.0.1]:${keyed}`);
    });
    await home.write("config", config.join(""));
    await home.write("known_hosts", known.join(""));
  }

  function run(host: string, keys: object = {}): RuntimeUnderTest {
    const spec: ServiceSpec = serviceSchema.parse({
      name: "echo",
      technology: "ssh",
      remote_port: echo.port,
      connection: { host, remote_host: "127.0.0.1" },
      health_check: { type: "tcp", interval: "1s" },
      ...keys,
    });
    const { access } = home;
    const route = () => composeRoute(spec, { access, service: () => undefined, driver: () => Promise.resolve(driver) });
    return using(makeRuntime(spec, { access, route, driver: () => Promise.resolve(driver) }));
  }

  async function echoes({ client }: RuntimeUnderTest): Promise<void> {
    const socket = await client();
    socket.write("hello");
    expect(String(((await once(socket, "data", { signal: AbortSignal.timeout(10_000) })) as [Buffer])[0])).toBe(
      "hello",
    );
    socket.destroy();
  }

  test("[ssh-back-soon] three hops, the middle host gone: it is named, and every service is back soon after it", async () => {
    const [one, two, three] = await Promise.all([startSshd(), startSshd(), startSshd()]);
    for (const server of [one, two, three]) using(server);
    await hosts({ one, two, three });
    const services = [1, 2, 3].map(() => run("three", { via: ["one", "two"] }));
    await Promise.all(services.map(({ runtime }) => runtime.start()));
    for (const { becomes } of services) await becomes("ready", 10_000);
    await Promise.all(services.map(echoes));
    await two.stop();
    for (const { becomes } of services) await becomes("failed", 5000);
    // Long enough for the pauses between attempts to have grown.
    await pause(4000);
    for (const { runtime } of services) {
      expect(runtime.condition.failure).toMatchObject({ code: "ssh_jump_failed", facts: { hop: "two" } });
    }
    const waiting = services.map(echoes);
    await two.start();
    const backMs = performance.now();
    await Promise.all(waiting);
    for (const { becomes } of services) await becomes("ready");
    // Within 3 s where nothing else runs.
    expect(performance.now() - backMs).toBeLessThan(8000);
  }, 60_000);

  test("[ssh-survives] sessions killed, and the server restarted: open connections end, new ones wait", async () => {
    const one = using(await startSshd());
    await hosts({ one });
    const service = run("one");
    await service.runtime.start();
    await service.becomes("ready", 10_000);
    const killed = { begins: async () => one.killSessions(), ends: async () => undefined };
    const restarted = { begins: () => one.stop(), ends: () => one.start() };
    for (const outage of [killed, restarted]) {
      const held = await service.client();
      held.write("x");
      await once(held, "data");
      const reset = once(held, "error").catch(() => undefined);
      await outage.begins();
      expect(((await reset) as [NodeJS.ErrnoException] | undefined)?.[0].code ?? "ECONNRESET").toBe("ECONNRESET");
      const waiting = echoes(service);
      await pause(300);
      await outage.ends();
      await waiting;
      await service.becomes("ready");
    }
  }, 60_000);

  test("[ssh-survives] the network cut without a word: noticed, reset, waited for", async () => {
    const one = using(await startSshd());
    const relay = using(await startBlackhole(one.port));
    await hosts({ one }, { one: relay });
    const service = run("one");
    await service.runtime.start();
    await service.becomes("ready", 10_000);
    const held = await service.client();
    held.write("x");
    await once(held, "data");
    const closed = new Promise((resolve) => held.once("close", resolve));
    relay.cut();
    await closed;
    expect(service.runtime.condition.state).not.toBe("ready");
    const waiting = echoes(service);
    await pause(2000);
    relay.mend();
    await waiting;
    await service.becomes("ready");
  }, 60_000);

  test("[ssh-survives] the server stopped in mid-life, and continued", async () => {
    const one = using(await startSshd());
    await hosts({ one });
    const service = run("one");
    await service.runtime.start();
    await service.becomes("ready", 10_000);
    one.freeze();
    await eventually(async () => service.runtime.condition.state !== "ready", 10_000);
    const waiting = echoes(service);
    await pause(3000);
    one.resume();
    await waiting;
    await service.becomes("ready");
    expect(service.runtime.condition.failure).toBeUndefined();
  }, 60_000);

  test("[ssh-no-hammering] MaxStartups hit: said, and asked ever less often", async () => {
    const one = using(await startSshd(["MaxStartups 1:100:1", "LoginGraceTime 20"]));
    const relay = using(await startBlackhole(one.port));
    await hosts({ one }, { one: relay });
    // Holds the one place for those who have not logged in.
    const silent = await eventually(async () => {
      const socket = net.connect(one.port, "127.0.0.1");
      const [said] = (await once(socket, "data")) as [Buffer];
      // The server may still count the connection by which its start was seen.
      if (String(said).startsWith("SSH-")) return socket;
      socket.destroy();
      return undefined;
    }, 10_000);
    const services = [1, 2, 3, 4, 5].map(() => run("one"));
    await Promise.all(services.map(({ runtime }) => runtime.start()));
    await pause(5000);
    // At 0, 1, 3 s for all five together, one more for the clock's sake.
    expect(relay.arrivals).toBeLessThanOrEqual(4);
    for (const { runtime } of services) {
      await eventually(async () => runtime.condition.failure?.code === "ssh_session_limit", 5000, 5);
    }
    silent.destroy();
    for (const { becomes } of services) await becomes("ready", 20_000);
  }, 60_000);

  test("[ssh-no-hammering] a server that is gone is tried once a second for any number of services", async () => {
    const one = using(await startSshd());
    const relay = using(await startBlackhole(one.port));
    await hosts({ one }, { one: relay });
    await one.stop();
    const services = [1, 2, 3, 4, 5].map(() => run("one"));
    await Promise.all(services.map(({ runtime }) => runtime.start()));
    await pause(4000);
    expect(relay.arrivals).toBeLessThanOrEqual(5);
    expect(services[0]?.runtime.condition.failure?.code).toBe("host_unreachable");
  }, 60_000);

  test("[ssh-channels] a hundred connections at once, each with all of its own bytes, and a slow reader among them", async () => {
    const one = using(await startSshd());
    await hosts({ one });
    const service = run("one");
    await service.runtime.start();
    await service.becomes("ready", 10_000);
    const slow = await service.client();
    slow.pause();
    const behind = payload(6_000_000);
    slow.write(behind);
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const sent = payload(300_000);
        const client = net.connect({ port: service.runtime.port, host: "127.0.0.1", allowHalfOpen: true });
        client.end(sent);
        expect(sha256(Buffer.concat(await client.toArray()))).toBe(sha256(sent));
      }),
    );
    slow.end();
    expect(sha256(Buffer.concat(await slow.toArray()))).toBe(sha256(behind));
  }, 60_000);

  test("[ssh-max-sessions] MaxSessions counts sessions, not forwards: one connection carries them all", async () => {
    const one = using(await startSshd(["MaxSessions 0"]));
    const relay = using(await startBlackhole(one.port));
    await hosts({ one }, { one: relay });
    const service = run("one");
    await service.runtime.start();
    await service.becomes("ready", 10_000);
    const clients = await Promise.all(Array.from({ length: 50 }, () => service.client()));
    for (const client of clients) client.write("x");
    await Promise.all(clients.map((client) => once(client, "data")));
    for (const client of clients) client.destroy();
    expect(relay.arrivals).toBe(1);
  }, 60_000);
});
