import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { LocalListener } from "#application/ports/local-listener.ts";
import { directService } from "../support/direct-driver.ts";
import { eventually } from "../support/eventually.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";
import { fateOf, makeRuntime, ping, type RuntimeUnderTest } from "../support/service-runtime.ts";

const slow = { health_check: { type: "redis", interval: "1h", timeout: "1s" } };
const fast = { health_check: { type: "redis", interval: 1, timeout: "1s" } };
const unreachable = new ConnectivityError("host_unreachable", "the bastion does not answer");

let server: RespServer;
const made: RuntimeUnderTest[] = [];
const run = (...args: Parameters<typeof makeRuntime>): RuntimeUnderTest => {
  const under = makeRuntime(...args);
  made.push(under);
  return under;
};

beforeEach(async () => {
  server = await startRespServer();
});
afterEach(async () => {
  for (const under of made.splice(0)) await under[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe("a service's life", () => {
  test("ready after its check, reachable, and nothing is left open after stop", async () => {
    const resources = (): string[] => process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP/.test(kind));
    const before = resources();
    const { runtime, becomes, client, driver } = run(directService("cache", server.port, fast));
    expect(runtime.condition.state).toBe("stopped");
    await runtime.start();
    expect(runtime.condition.state).toBe("starting");
    await becomes("ready");
    expect(runtime.condition.verified?.by).toBe("redis PING");
    const socket = await client();
    expect(await ping(socket)).toBe("+PONG");
    const { port } = runtime;
    await runtime.stop();
    expect(await fateOf(socket, 1000)).toBe("reset");
    expect(runtime.condition.state).toBe("stopped");
    expect(runtime.port).toBe(port);
    await driver.close();
    await eventually(async () => server.connections === 0, 2000);
    await eventually(async () => resources().length <= before.length, 2000);
  });

  test("started twice it dials once", async () => {
    const { runtime, becomes, driver } = run(directService("cache", server.port, slow));
    await Promise.all([runtime.start(), runtime.start()]);
    await runtime.start();
    await becomes("ready");
    expect(driver.opens).toBe(1);
  });

  test("stop and start at once, many times, in any order: the last word counts, and the port answers", async () => {
    const { runtime, becomes, client } = run(directService("cache", server.port, slow));
    for (let round = 0; round < 20; round++) {
      void runtime.start();
      if (round % 3 === 0) await new Promise(setImmediate);
      void runtime.stop();
    }
    await runtime.start();
    await becomes("ready");
    expect(runtime.listening).toBe(true);
    expect(await ping(await client())).toBe("+PONG");
    void runtime.start();
    await runtime.stop();
    expect(runtime.listening).toBe(false);
    await expect(client()).rejects.toThrow(/ECONNREFUSED/);
  });

  test("stopped while its port is being opened, it opens none; started again meanwhile, it does", async () => {
    const gates: (() => void)[] = [];
    const closed: number[] = [];
    let opened = 0;
    const listen = async (): Promise<LocalListener> => {
      const port = 40_000 + ++opened;
      await new Promise<void>((resolve) => gates.push(resolve));
      return { host: "127.0.0.1", port, close: async () => void closed.push(port) };
    };
    const { runtime } = run(directService("cache", server.port, slow), { listen });
    const starting = runtime.start();
    await eventually(async () => gates.length === 1, 1000, 1);
    const stopping = runtime.stop();
    gates.shift()?.();
    await Promise.all([starting, stopping]);
    expect([runtime.listening, runtime.condition.state, closed]).toEqual([false, "stopped", [40_001]]);

    const again = runtime.start();
    await eventually(async () => gates.length === 1, 1000, 1);
    const ended = runtime.stop();
    const last = runtime.start();
    gates.shift()?.();
    await Promise.all([again, ended, last]);
    expect([runtime.listening, opened]).toEqual([true, 2]);
  });

  test("a refusal of the port that comes after stop is not shown", async () => {
    const refused = Promise.withResolvers<LocalListener>();
    const asked = Promise.withResolvers<void>();
    const listen = (): Promise<LocalListener> => {
      asked.resolve();
      return refused.promise;
    };
    const { runtime } = run(directService("cache", server.port, slow), { listen });
    const starting = runtime.start();
    await asked.promise;
    const stopping = runtime.stop();
    refused.reject(new ConnectivityError("local_port_in_use", "taken"));
    await Promise.all([starting, stopping]);
    expect(runtime.condition).toEqual({ state: "stopped" });
  });

  test("a taken port is refused before anything is dialled, and taken when it is free and somebody asks", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    const { runtime, driver, becomes } = run(directService("cache", server.port, { ...slow, local_port: port }));
    await runtime.start();
    expect(runtime.condition).toMatchObject({ state: "failed", failure: { code: "local_port_in_use" } });
    expect(driver.opens).toBe(0);
    holder.close();
    await once(holder, "close");
    runtime.retry();
    await becomes("ready");
  });

  test("too many open files is waited for, not failed for good", async () => {
    let refusals = 2;
    const listen = async (): Promise<LocalListener> => {
      if (refusals-- > 0) throw new ConnectivityError("too_many_open_files", "no file is left");
      return { host: "127.0.0.1", port: 40_000, close: () => Promise.resolve() };
    };
    const { runtime, becomes, changes } = run(directService("cache", server.port, slow), { listen });
    await runtime.start();
    expect(runtime.condition.state).toBe("waiting");
    await becomes("ready");
    expect(changes.filter((change) => change.includes("too_many_open_files"))).toHaveLength(1);
  });
});

describe("the link", () => {
  const hanging = (): { driver: ForwardDriver; arrive: (transport: Transport) => void } => {
    const { promise, resolve } = Promise.withResolvers<Transport>();
    const driver: ForwardDriver = { technology: "ssh", open: () => promise, close: () => Promise.resolve() };
    return { driver, arrive: resolve };
  };
  const transport = (destroyed: string[]): Transport => ({
    via: "late",
    facts: () => ({}),
    connect: () => Promise.reject(unreachable),
    closed: new Promise(() => undefined),
    close: async () => void destroyed.push("closed"),
    destroy: () => void destroyed.push("destroyed"),
  });

  test("stopped during a dial that does not heed the signal: what comes late is destroyed", async () => {
    const { driver, arrive } = hanging();
    const { runtime } = run(directService("cache", 1, slow), { driver: () => Promise.resolve(driver) });
    await runtime.start();
    await runtime.stop();
    expect(runtime.condition.state).toBe("stopped");
    const destroyed: string[] = [];
    arrive(transport(destroyed));
    await eventually(async () => destroyed.length > 0, 1000, 1);
    expect(destroyed).toEqual(["destroyed"]);
    expect(runtime.transport).toBeUndefined();
  });

  test("stopped while its driver is being loaded: nothing is opened and nothing watched", async () => {
    const loading = Promise.withResolvers<ForwardDriver>();
    const calls: string[] = [];
    const { runtime } = run(directService("cache", 1, slow), { driver: () => loading.promise });
    await runtime.start();
    await runtime.stop();
    loading.resolve({
      technology: "ssh",
      open: () => Promise.reject(new ConnectivityError("internal_error", `opened ${calls.push("open")}`)),
      watch: () => ({ [Symbol.dispose]: () => void calls.push("watch") }),
      close: () => Promise.resolve(),
    });
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(calls).toEqual([]);
  });

  test("cut, it comes back by itself, and its port stays", async () => {
    const { runtime, becomes, driver, client } = run(directService("cache", server.port, fast));
    await runtime.start();
    await becomes("ready");
    const { port } = runtime;
    driver.cut();
    await becomes("waiting", 500);
    await becomes("ready");
    expect(runtime.port).toBe(port);
    expect(await ping(await client())).toBe("+PONG");
    expect(driver.opens).toBe(2);
  });

  test("one cause is told once, however often it is tried, and since when it began", async () => {
    const { runtime, becomes, driver, changes } = run(directService("cache", server.port, fast));
    driver.refuseWith = unreachable;
    await runtime.start();
    await becomes("waiting");
    const { sinceMs } = runtime.condition;
    await eventually(async () => driver.opens >= 3, 5000);
    expect(changes).toEqual(["stopped → starting", "starting → waiting host_unreachable"]);
    expect(runtime.condition.sinceMs).toBe(sinceMs);
    driver.refuseWith = undefined;
    await becomes("ready");
    expect(changes.at(-1)).toBe("waiting → ready");
    expect(changes).toHaveLength(3);
  });

  test("retry dials at once from a long backoff, and not twice while it dials", async () => {
    const policy = { restart_policy: { initial_delay: 60, max_delay: 60 } };
    const { runtime, becomes, driver } = run(directService("cache", server.port, { ...slow, ...policy }));
    driver.refuseWith = unreachable;
    await runtime.start();
    await becomes("waiting");
    driver.refuseWith = undefined;
    runtime.retry();
    runtime.retry();
    await becomes("ready");
    expect(driver.opens).toBe(2);
  });

  test("after its attempts it pauses and says so; comes back on request, and when its target changed", async () => {
    const policy = { restart_policy: { max_attempts: 3, initial_delay: 0.1 } };
    const { runtime, becomes, driver } = run(directService("cache", server.port, { ...slow, ...policy }));
    driver.refuseWith = unreachable;
    await runtime.start();
    await becomes("failed");
    expect(driver.opens).toBe(3);
    expect(runtime.condition.failure?.message).toMatch(/paused after 3 attempts/);
    driver.refuseWith = undefined;
    driver.changed();
    await becomes("ready");
    driver.refuseWith = unreachable;
    driver.cut();
    await becomes("failed");
    driver.refuseWith = undefined;
    runtime.retry();
    await becomes("ready");
  });

  test("reconnects on request, also while what it depends on is down", async () => {
    const { runtime, becomes, driver } = run(directService("cache", server.port, slow));
    await runtime.start();
    await becomes("ready");
    runtime.block({ code: "dependency_failed", message: "waits" });
    expect(runtime.condition.state).toBe("ready");
    runtime.reconnect({ code: "connection_lost", message: "reconnected on request" });
    await eventually(async () => driver.opens === 2, 1000);
    await becomes("ready");
  });

  test("blocked, it listens and does not dial; unblocked, it does", async () => {
    const { runtime, becomes, driver, client } = run(directService("cache", server.port, slow));
    runtime.block(undefined);
    await runtime.start();
    const waiting = await client();
    expect([runtime.condition.state, driver.opens]).toEqual(["starting", 0]);
    runtime.unblock();
    await becomes("ready");
    expect(await ping(waiting)).toBe("+PONG");
  });
});

describe("health", () => {
  test("a refused connection ends ready within 500 ms, whatever the interval; the check that heals it is soon", async () => {
    const { runtime, becomes, client, changes } = run(directService("cache", server.port, slow));
    await runtime.start();
    await becomes("ready");
    await server.away();
    expect(runtime.condition.state).toBe("ready");
    const socket = await client();
    await becomes("failed", 500);
    expect(runtime.condition.failure?.code).toBe("target_unreachable");
    await server.back();
    await becomes("ready");
    expect(await ping(socket)).toBe("+PONG");
    expect(changes.at(-1)).toBe("failed → ready");
  });

  test("a connection that is reset by the target starts a check at once", async () => {
    const { runtime, becomes, client, ended } = run(directService("cache", server.port, slow));
    await runtime.start();
    await becomes("ready");
    const socket = await client();
    await ping(socket);
    await server.away();
    await becomes("failed", 500);
    expect(await fateOf(socket, 1000)).toBe("reset");
    expect(ended).toHaveLength(1);
  });

  test("a stale path is dialled anew with backoff, not in a storm, even when one failed check counts", async () => {
    const keys = { health_check: { type: "redis", interval: 1, timeout: "1s", failure_threshold: 1 } };
    let opens = 0;
    const driver: ForwardDriver = {
      technology: "ssh",
      async open() {
        opens++;
        return {
          via: "stale",
          facts: () => ({}),
          connect: () => Promise.reject(new ConnectivityError("connection_lost", "gone")),
          closed: new Promise(() => undefined),
          close: () => Promise.resolve(),
          destroy: () => undefined,
        };
      },
      close: () => Promise.resolve(),
    };
    const { runtime, becomes, changes } = run(directService("cache", 1, keys), {
      driver: () => Promise.resolve(driver),
    });
    await runtime.start();
    await becomes("waiting");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(opens).toBeGreaterThan(1);
    expect(opens).toBeLessThan(8);
    // The new link is not news before it is verified.
    expect(changes).toEqual(["stopped → starting", "starting → waiting connection_lost"]);
  });

  test("a transport that ends during a check: its late result is nothing, and the new one is checked", async () => {
    const { runtime, becomes, driver } = run(directService("cache", server.port, fast));
    server.silent = true;
    await runtime.start();
    await eventually(async () => server.connections === 1, 2000, 5);
    server.silent = false;
    driver.cut();
    await becomes("ready");
    expect(driver.opens).toBe(2);
  });

  test("a service that answers badly is not ready, and its clients may see for themselves", async () => {
    server.answer = "-LOADING Redis is loading";
    const { runtime, becomes, client } = run(directService("cache", server.port, fast));
    await runtime.start();
    await becomes("failed");
    expect(runtime.condition.failure?.code).toBe("application_unhealthy");
    expect(await ping(await client())).toBe("-LOADING Redis is loading");
    server.answer = "+PONG";
    await becomes("ready");
  });
});

describe("the waiting room", () => {
  const down = { restart_policy: { initial_delay: 60, max_delay: 60 } };
  const room = (timeout: number | string, connections: number) => ({
    ...slow,
    ...down,
    waiting_room: { timeout, connections },
  });

  const waiting = async (keys: object): Promise<RuntimeUnderTest> => {
    const under = run(directService("cache", server.port, keys));
    under.driver.refuseWith = unreachable;
    await under.runtime.start();
    await under.becomes("waiting");
    return under;
  };

  test("keeps connections until the target is back, and loses no byte of theirs", async () => {
    const { runtime, driver, client } = await waiting(room(30, 10));
    const sockets = await Promise.all([client(), client(), client()]);
    const answers = sockets.map((socket) => ping(socket));
    await eventually(async () => runtime.waitingConnections === 3, 1000);
    driver.refuseWith = undefined;
    runtime.retry();
    expect(await Promise.all(answers)).toEqual(["+PONG", "+PONG", "+PONG"]);
    expect([runtime.waitingConnections, runtime.connections]).toEqual([0, 3]);
  });

  test("is bounded in number, in time, and by the client's patience", async () => {
    const { runtime, client } = await waiting(room("600ms", 2));
    const [first, second] = [await client(), await client()];
    await eventually(async () => runtime.waitingConnections === 2, 1000);
    expect(await fateOf(await client(), 400)).toBe("reset");
    second.destroy();
    await eventually(async () => runtime.waitingConnections === 1, 1500);
    expect(await fateOf(first, 2000)).toBe("reset");
    expect(runtime.waitingConnections).toBe(0);
  });

  test("is emptied when nothing will come: given up, refused for good, stopped", async () => {
    const { runtime, driver, client, becomes } = await waiting(room(30, 10));
    const one = await client();
    await eventually(async () => runtime.waitingConnections === 1, 1000);
    driver.refuseWith = new ConnectivityError("host_key_changed", "another key");
    runtime.retry();
    await becomes("failed");
    expect(await fateOf(one, 1000)).toBe("reset");
    expect(await fateOf(await client(), 1000)).toBe("reset");
    driver.refuseWith = unreachable;
    runtime.retry();
    await becomes("waiting");
    const two = await client();
    await eventually(async () => runtime.waitingConnections === 1, 1000);
    await runtime.stop();
    expect(await fateOf(two, 1000)).toBe("reset");
    expect(runtime.waitingConnections).toBe(0);
  });
});
