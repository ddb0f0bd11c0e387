import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { RelayOutcome } from "#application/ports/local-listener.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";
import {
  closedPort,
  payload,
  readAll,
  sha256,
  startEcho,
  startTarget,
  writeUntilStalled,
} from "../contract/forward-driver-targets.ts";
import { eventually } from "../support/eventually.ts";
import { forwardLocally } from "../support/local-forward.ts";
import { startRespServer } from "../support/resp-server.ts";
import { fateOf, makeRuntime, ping, type RuntimeUnderTest } from "../support/service-runtime.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { hasSsh } from "../support/ssh-g.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const MiB = 1024 * 1024;
const never = (): AbortSignal => new AbortController().signal;

describe.skipIf(!hasSshd || !hasSsh)("clients handed to the system's OpenSSH (skipped where it is missing)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  let server: Sshd;
  const scope: AsyncDisposable[] = [];
  const using = <Resource extends AsyncDisposable>(resource: Resource): Resource => {
    scope.push(resource);
    return resource;
  };

  beforeEach(async () => {
    home = await sshHome();
    home.env["PATH"] = process.env["PATH"] ?? "";
    server = using(await startSshd());
    await home.write("known_hosts", server.knownHosts);
    driver = createSshDriver({ lingerMs: 100 });
  });
  afterEach(async () => {
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await driver.close();
    await home[Symbol.asyncDispose]();
  });

  const connection = () => ({
    host: "127.0.0.1",
    port: server.port,
    user: server.user,
    key_file: server.keyFile,
    remote_host: "127.0.0.1",
    driver: "openssh",
  });

  async function open(targetPort: number, keys: Record<string, unknown> = {}): Promise<Transport> {
    const service = sshService({ ...connection(), ...keys }, targetPort);
    const transport = await driver.open(service, { signal: never(), access: home.access });
    expect(transport.takesClients).toBe(true);
    return transport;
  }

  async function connected(port: number): Promise<net.Socket> {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  }

  /** The `ssh` of this test's server. */
  const masters = (): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((name) => {
        try {
          const argv = readFileSync(`/proc/${name}/cmdline`, "latin1");
          return /^\S*\/ssh\0/.test(argv) && argv.includes(server.keyFile);
        } catch {
          return false;
        }
      })
      .map(Number);
  const killMasters = (): void => masters().forEach((pid) => process.kill(pid, "SIGKILL"));

  function run(targetPort: number, keys: object = {}, onEnd?: (outcome: RelayOutcome) => void): RuntimeUnderTest {
    const spec: ServiceSpec = serviceSchema.parse({
      name: "behind",
      technology: "ssh",
      remote_port: targetPort,
      connection: connection(),
      health_check: { type: "redis", interval: "1s" },
      ...keys,
    });
    const replaced = onEnd && { onConnectionEnd: (outcome: RelayOutcome | undefined) => outcome && onEnd(outcome) };
    return using(makeRuntime(spec, { access: home.access, driver: () => Promise.resolve(driver), ...replaced }));
  }

  test("[ssh-handed-clients] many at once, megabytes both ways: all arrive whole, and this process saw none of it", async () => {
    const echo = using(await startEcho());
    const forward = using(await forwardLocally(await open(echo.port)));
    const carry = async (): Promise<boolean> => {
      const client = await connected(forward.port);
      const sent = payload(2 * MiB);
      const received = readAll(client);
      client.end(sent);
      return sha256(await received) === sha256(sent);
    };
    expect(await Promise.all(Array.from({ length: 20 }, carry))).toEqual(Array.from({ length: 20 }, () => true));
    await eventually(async () => forward.outcomes.length === 20, 10_000);
    for (const outcome of forward.outcomes)
      expect(outcome).toEqual({ ended: "closed", durationMs: expect.any(Number) });
    await eventually(async () => echo.open.size === 0, 10_000);
    expect(forward.refusals).toEqual([]);
  });

  test("[ssh-handed-clients] each end is passed on by itself, in both orders", async () => {
    const target = using(await startTarget());
    const forward = using(await forwardLocally(await open(target.port)));
    const first = await connected(forward.port);
    const there = await target.next();
    first.write("hello");
    await once(there, "readable");
    const heard = readAll(there);
    const goodbye = readAll(first);
    there.end("goodbye");
    expect(String(await goodbye)).toBe("goodbye");
    first.end();
    expect(String(await heard)).toBe("hello");

    const second = await connected(forward.port);
    second.end("question");
    const asked = await target.next();
    expect(String(await readAll(asked))).toBe("question");
    const answer = payload(MiB);
    const answered = readAll(second);
    asked.end(answer);
    expect(sha256(await answered)).toBe(sha256(answer));
    await eventually(async () => forward.outcomes.length === 2, 10_000);
    expect(forward.outcomes.map(({ ended }) => ended)).toEqual(["closed", "closed"]);
  });

  test("[ssh-handed-clients] a client that sends on after the target has ended is reset, not left in the belief that it was heard", async () => {
    const target = using(await startTarget());
    const forward = using(await forwardLocally(await open(target.port)));
    const first = await connected(forward.port);
    (await target.next()).end("goodbye");
    expect(String(await readAll(first))).toBe("goodbye");
    // A client sees a reset only when it does something.
    await vi.waitFor(
      () => {
        first.write("anybody?");
        expect(first.destroyed).toBe(true);
      },
      { timeout: 10_000, interval: 50 },
    );
    await eventually(async () => forward.outcomes.length === 1, 10_000);
    expect(forward.outcomes).toMatchObject([{ ended: "reset_by_target" }]);
  });

  test("[ssh-handed-clients] a client that resets is let go, and its target sees the end", async () => {
    const target = using(await startTarget((socket) => socket.resume()));
    const forward = using(await forwardLocally(await open(target.port)));
    const client = await connected(forward.port);
    client.write("hello");
    const there = await target.next();
    client.resetAndDestroy();
    await vi.waitFor(
      () => {
        there.write("anybody?");
        expect(there.destroyed || there.readableEnded).toBe(true);
      },
      { timeout: 10_000, interval: 50 },
    );
    there.destroy();
    await eventually(async () => forward.outcomes.length === 1, 10_000);
  });

  test("[ssh-handed-clients] whoever does not read holds the other side back, and nothing is kept here", async () => {
    const target = using(await startTarget());
    const forward = using(await forwardLocally(await open(target.port)));
    const client = await connected(forward.port);
    const there = await target.next();
    const before = process.memoryUsage().arrayBuffers;
    const up = await writeUntilStalled(client, 64 * MiB);
    const down = await writeUntilStalled(there, 64 * MiB);
    for (const { written, refused } of [up, down]) {
      expect(refused).toBe(true);
      expect(written.length).toBeLessThan(32 * MiB);
    }
    // What the test itself keeps of both.
    const ours = up.written.length + down.written.length;
    expect(process.memoryUsage().arrayBuffers - before - 3 * ours).toBeLessThan(8 * MiB);
    const [above, below] = [readAll(there), readAll(client)];
    client.end();
    expect(sha256(await above)).toBe(sha256(up.written));
    there.end();
    expect(sha256(await below)).toBe(sha256(down.written));
  });

  test("[ssh-handed-clients] a refusal has the target's code, and leaves the client unread", async () => {
    const refused = await open(await closedPort());
    const forbidden = await open(1, { remote_host: "no-such-host.invalid" });
    for (const transport of [refused, forbidden]) {
      const forward = using(await forwardLocally(transport));
      const clients = await Promise.all([connected(forward.port), connected(forward.port)]);
      await eventually(async () => forward.refusals.length === 2, 10_000);
      expect(forward.refusals).toMatchObject([
        { code: "target_unreachable", facts: { reason: "connect_failed", driver: "openssh" } },
        { code: "target_unreachable", untrusted: expect.stringMatching(/\S/) },
      ]);
      for (const client of clients) client.destroy();
    }
  });

  test("[ssh-handed-clients] forbidden by the server: its code", async () => {
    server = using(await startSshd(["AllowTcpForwarding no"]));
    await home.write("known_hosts", server.knownHosts);
    const forward = using(await forwardLocally(await open(1)));
    await connected(forward.port);
    await eventually(async () => forward.refusals.length === 1, 10_000);
    expect(forward.refusals).toMatchObject([{ code: "ssh_forwarding_prohibited" }]);
  });

  test("[ssh-handed-clients] a Unix socket behind the server is not for it: relayed", async () => {
    const service = sshService({ ...connection(), remote_socket: "/nowhere" }, 1);
    const transport = await driver.open(service, { signal: never(), access: home.access });
    expect(transport.takesClients).toBe(false);
  });

  test("[ssh-handed-clients] two services over one ssh: one ends, the other goes on", async () => {
    const [one, two] = [using(await startEcho()), using(await startEcho())];
    const [first, second] = [await open(one.port), await open(two.port)];
    expect(masters()).toHaveLength(1);
    const [a, b] = [using(await forwardLocally(first)), using(await forwardLocally(second))];
    const [left, right] = [await connected(a.port), await connected(b.port)];
    for (const client of [left, right]) {
      client.write("x");
      await once(client, "data");
    }
    first.destroy();
    expect(await fateOf(left, 5000)).toBe("reset");
    await eventually(async () => one.open.size === 0, 10_000);
    right.write("still there?");
    expect(String((await once(right, "data"))[0])).toBe("still there?");
    right.destroy();
  });

  test("[ssh-handed-clients] ssh ends before it has opened: the client is as it was; the attempt is given up: it is reset", async () => {
    const echo = using(await startEcho());
    const transport = await open(echo.port);
    const forward = using(await forwardLocally(transport));
    server.freezeSessions();
    const waiting = await connected(forward.port);
    waiting.write("hello");
    // It is on its way to a server that says nothing.
    await new Promise((resolve) => setTimeout(resolve, 300));
    let spoiled = 0;
    const handle = {};
    const given = new AbortController();
    const reason = new Error("enough");
    const tried = transport.connect({ signal: AbortSignal.abort(reason), client: { handle, spoil: () => spoiled++ } });
    await expect(tried).rejects.toBe(reason);
    expect(spoiled).toBe(0);

    const { client, socket } = await accepted();
    const attempt = transport.connect({ signal: given.signal, client: { ...client, spoil: () => spoiled++ } });
    const outcome = attempt.catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 300));
    given.abort(reason);
    expect(await outcome).toBe(reason);
    expect(spoiled).toBe(1);
    socket.destroy();

    killMasters();
    await eventually(async () => forward.refusals.length === 1, 10_000);
    expect(forward.refusals).toMatchObject([{ code: "connection_lost" }]);
    // The forward of this test resets what it cannot open; the engine lets it wait.
    expect(await fateOf(waiting, 5000)).toBe("reset");
  });

  /** An accepted connection that nobody reads. */
  async function accepted(): Promise<{ client: { handle: object }; socket: net.Socket }> {
    const listener = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    const arrival = once(listener, "connection");
    const socket = await connected((listener.address() as net.AddressInfo).port);
    const [near] = (await arrival) as [net.Socket & { _handle: object }];
    listener.close();
    return { client: { handle: near._handle }, socket };
  }

  test("[ssh-handed-clients] only clients of a protocol whose server ends last are handed over", async () => {
    const redis = using(await startRespServer());
    const outcomes: RelayOutcome[] = [];
    for (const type of ["redis", "tcp"]) {
      const service = run(redis.port, { health_check: { type, interval: "1s" } }, (outcome) => outcomes.push(outcome));
      await service.runtime.start();
      await service.becomes("ready", 20_000);
      const client = await service.client();
      expect(await ping(client)).toBe("+PONG");
      client.end();
      await once(client, "close");
      await service.runtime.stop();
    }
    await eventually(async () => outcomes.length === 2, 10_000);
    expect(outcomes.map(({ bytesUp, bytesDown }) => [bytesUp, bytesDown])).toEqual([
      [undefined, undefined],
      [6, 7],
    ]);
  });

  test("[ssh-handed-clients] a target that is back within the waiting time gets all that its client sent", async () => {
    const redis = using(await startRespServer());
    const service = run(redis.port);
    await service.runtime.start();
    await service.becomes("ready", 20_000);
    await redis.away();
    const client = await service.client();
    client.write("PING\r\n");
    await eventually(async () => service.runtime.waitingConnections === 1, 10_000);
    await redis.back();
    expect(String((await once(client, "data", { signal: AbortSignal.timeout(20_000) }))[0])).toBe("+PONG\r\n");
    expect(service.changes.join()).toContain("target_unreachable");
    client.destroy();
  }, 40_000);

  test("[ssh-handed-clients] ssh killed: the port stays, open clients are reset, who comes waits and is served with all that it sent", async () => {
    const redis = using(await startRespServer());
    const service = run(redis.port);
    await service.runtime.start();
    await service.becomes("ready", 20_000);
    const { port } = service.runtime;
    const before = await service.client();
    expect(await ping(before)).toBe("+PONG");
    expect(service.runtime.connections).toBe(1);
    server.freezeSessions();
    const opening = await service.client();
    opening.write("PING\r\n");
    await eventually(async () => service.runtime.connections === 2, 10_000);
    await server.stop();
    killMasters();
    expect(await fateOf(before, 10_000)).toBe("reset");
    const late = await service.client();
    late.write("PING\r\n");
    await eventually(async () => service.runtime.waitingConnections === 2, 10_000);
    expect([service.runtime.port, service.runtime.listening]).toEqual([port, true]);
    await server.start();
    for (const client of [late, opening]) {
      expect(String((await once(client, "data", { signal: AbortSignal.timeout(20_000) }))[0])).toBe("+PONG\r\n");
    }
    // Nothing of the attempt that was lost reaches for them later.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const client of [late, opening]) expect(await ping(client)).toBe("+PONG");
    expect(service.ended).toEqual(["connection_lost"]);
    await service.runtime.stop();
    for (const client of [late, opening]) expect(await fateOf(client, 5000)).toBe("reset");
    await expect(service.client()).rejects.toThrow(/ECONNREFUSED/);
  }, 60_000);
});
