import { once } from "node:events";
import { stat } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { FarPort, ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { serviceSchema, type SshService } from "#domain/spec/service.ts";
import {
  closedPort,
  payload,
  sha256,
  startEcho,
  startTarget,
  type Target,
} from "../contract/forward-driver-targets.ts";
import { eventually } from "../support/eventually.ts";
import { sshHome, type SshHome } from "../support/ssh-client.ts";
import { hasSshd, startSshd, type Sshd } from "../support/sshd.ts";

const never = (): AbortSignal => new AbortController().signal;

describe.skipIf(!hasSshd)("forwards by an own OpenSSH server (skipped where /usr/sbin/sshd is not installed)", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  const scope: AsyncDisposable[] = [];

  beforeEach(async () => {
    home = await sshHome();
    driver = createSshDriver({ limits: { keepaliveMs: 200, keepaliveCount: 2 }, lingerMs: 100, retryGapMs: 100 });
  });
  afterEach(async () => {
    await driver.close();
    for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  const using = <T extends AsyncDisposable>(resource: T): T => {
    scope.push(resource);
    return resource;
  };
  async function sshd(settings: readonly string[] = []): Promise<Sshd> {
    const server = using(await startSshd(settings));
    await home.write("known_hosts", server.knownHosts);
    return server;
  }
  function service(server: Sshd, connection: object, keys: object = {}): SshService {
    const login = { host: "127.0.0.1", port: server.port, user: server.user, key_file: server.keyFile };
    const spec = serviceSchema.parse({
      name: "s",
      technology: "ssh",
      connection: { ...login, ...connection },
      ...keys,
    });
    if (spec.technology !== "ssh") throw new Error("not an ssh service");
    return spec;
  }
  const open = (spec: SshService): Promise<Transport> => driver.open(spec, { signal: never(), access: home.access });
  const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
    work.then(
      () => expect.unreachable("it should have failed"),
      (error: unknown) => error as ConnectivityError,
    );

  async function says(stream: TunnelStream, text: string): Promise<string> {
    stream.write(text);
    const [answer] = (await once(stream, "data")) as [Buffer];
    return String(answer);
  }

  /** A Unix socket that echoes. */
  async function echoSocket(): Promise<string> {
    const file = path.join(home.dir, "echo.sock");
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(file);
    await once(server, "listening");
    using({ [Symbol.asyncDispose]: async () => void server.close() });
    return file;
  }

  test("[ssh-channel] a server that asks by a channel whether we are there is answered, and keeps the connection", async () => {
    const server = await sshd(["ClientAliveInterval 1", "ClientAliveCountMax 1"]);
    const echo = using(await startEcho());
    driver = createSshDriver();
    const transport = await open(service(server, { remote_host: "127.0.0.1" }, { remote_port: echo.port }));
    const stream = await transport.connect({ signal: never() });
    await new Promise((resolve) => setTimeout(resolve, 3500));
    expect(await says(stream, "still here")).toBe("still here");
  });

  describe("local", () => {
    test("[ssh-forward-sockets] to a Unix socket behind the server", async () => {
      const transport = await open(service(await sshd(), { remote_socket: await echoSocket() }));
      const stream = await transport.connect({ signal: never() });
      expect(await says(stream, "hello")).toBe("hello");
      stream.destroy();
    });

    test("to a socket that is not there", async () => {
      const transport = await open(service(await sshd(), { remote_socket: path.join(home.dir, "none.sock") }));
      expect((await failure(transport.connect({ signal: never() }))).code).toBe("target_unreachable");
    });

    test("AllowStreamLocalForwarding no looks like a target that is not there, and is named beside it", async () => {
      const server = await sshd(["AllowStreamLocalForwarding no"]);
      const transport = await open(service(server, { remote_socket: await echoSocket() }));
      const error = await failure(transport.connect({ signal: never() }));
      expect(error.code).toBe("target_unreachable");
      expect(error.message).toContain("AllowStreamLocalForwarding");
    });
  });

  describe("remote", () => {
    const remote = (server: Sshd, port: number, target: number, connection: object = {}): SshService =>
      service(server, { direction: "remote", ...connection }, { remote_port: port, local_port: target });

    const client = async (port: number): Promise<net.Socket> => {
      const socket = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      scope.push({ [Symbol.asyncDispose]: async () => void socket.destroy() });
      await once(socket, "connect");
      return socket;
    };

    test("[ssh-forward-remote] clients at the server reach a port of this machine, with half-close", async () => {
      const server = await sshd();
      const port = await closedPort();
      const echo = using(await startEcho());
      const transport = await open(remote(server, port, echo.port));
      expect(transport.endpoint).toBe(`127.0.0.1:${port}`);
      const socket = await client(port);
      const sent = payload(3_000_000);
      socket.end(sent);
      expect(sha256(Buffer.concat(await socket.toArray()))).toBe(sha256(sent));
      // The check goes by the server to its port, and back to the target.
      const around = await transport.connect({ signal: never() });
      expect(await says(around, "hello")).toBe("hello");
      around.destroy();
      await transport.close(0);
      await eventually(
        async () =>
          client(port).then(
            () => false,
            () => true,
          ),
        3000,
      );
    });

    test("a target that does not answer is what its check says", async () => {
      const server = await sshd();
      const target = await closedPort();
      const transport = await open(remote(server, await closedPort(), target));
      const around = await transport.connect({ signal: never() });
      const [error] = (await once(around, "error")) as [ConnectivityError];
      expect(error).toMatchObject({
        code: "target_unreachable",
        facts: { target: `127.0.0.1:${target}`, local: true },
      });
    });

    test("[ssh-remote-port-stable] a port that the server chooses is asked for again", async () => {
      const server = await sshd();
      const spec = remote(server, 0, using(await startEcho()).port);
      const first = await open(spec);
      expect(first.facts()["remote_end"]).toMatch(/^localhost:[1-9]\d+$/);
      server.killSessions();
      expect(await first.closed).toMatchObject({ code: "connection_lost" });
      const second = await open(spec);
      expect(second.endpoint).toBe(first.endpoint);
    });

    test("[ssh-remote-port-stable] also by a driver that was started anew, and another one only when it is taken", async () => {
      const server = await sshd();
      const spec = remote(server, 0, using(await startEcho()).port);
      let remembered: number | undefined;
      const farPort: FarPort = {
        get before() {
          return remembered;
        },
        chosen: (port) => {
          remembered = port;
        },
      };
      const openAt = async (): Promise<Transport> => {
        await driver.close();
        driver = createSshDriver({ lingerMs: 100, retryGapMs: 100 });
        return driver.open(spec, { signal: never(), access: home.access, farPort });
      };
      const first = await openAt();
      const chosen = remembered;
      expect(first.endpoint).toBe(`127.0.0.1:${chosen}`);
      const second = await openAt();
      expect(second.endpoint).toBe(first.endpoint);
      await driver.close();
      const holder = net.createServer();
      const port = chosen ?? 0;
      await eventually(async () => {
        holder.listen(port, "127.0.0.1");
        return once(holder, "listening").then(
          () => true,
          () => undefined,
        );
      }, 10_000);
      using(holder);
      const third = await openAt();
      expect(remembered).not.toBe(chosen);
      expect(third.endpoint).toBe(`127.0.0.1:${remembered}`);
    });

    test("[ssh-remote-port-stable] a chosen port that our own lost session holds is waited for", async () => {
      const server = await sshd();
      const spec = remote(server, 0, using(await startEcho()).port);
      const first = await open(spec);
      server.freezeSessions();
      await first.closed;
      expect(await failure(open(spec))).toMatchObject({
        code: "remote_port_in_use",
        facts: { held_by: "our lost session" },
      });
      server.killSessions();
      const again = await eventually(async () => open(spec).catch(() => undefined), 5000);
      expect(again.endpoint).toBe(first.endpoint);
    });

    test("[ssh-remote-port-held] a port that something else holds", async () => {
      const server = await sshd();
      const held = using(await startTarget());
      expect(await failure(open(remote(server, held.port, 1)))).toMatchObject({
        code: "remote_port_in_use",
        facts: { port: held.port, held_by: "another" },
      });
    });

    test("[ssh-remote-port-held] a port that our own lost session holds is named so, and had when it is free", async () => {
      const server = await sshd();
      const port = await closedPort();
      const spec = remote(server, port, using(await startEcho()).port);
      const first = await open(spec);
      // The server's half stays: it holds the port until it notices.
      server.freezeSessions();
      expect(await first.closed).toMatchObject({ code: "connection_lost", facts: { keepalive: "unanswered" } });
      expect(await failure(open(spec))).toMatchObject({
        code: "remote_port_in_use",
        facts: { port, held_by: "our lost session" },
      });
      server.killSessions();
      const again = await eventually(async () => open(spec).catch(() => undefined), 5000);
      expect(await says(await again.connect({ signal: never() }), "hello")).toBe("hello");
    });

    test("a second one of the same service, as a diagnosis opens, shares the first", async () => {
      const server = await sshd();
      const spec = remote(server, await closedPort(), using(await startEcho()).port);
      const [first, second] = [await open(spec), await open(spec)];
      second.destroy();
      expect(await says(await first.connect({ signal: never() }), "hello")).toBe("hello");
    });

    test.each([
      ["AllowTcpForwarding no", ["AllowTcpForwarding no"]],
      ["AllowTcpForwarding local", ["AllowTcpForwarding local"]],
      ["PermitListen of another port", ["PermitListen 127.0.0.1:1"]],
    ])("%s", async (_, settings) => {
      const server = await sshd(settings);
      expect(await failure(open(remote(server, await closedPort(), 1)))).toMatchObject({
        code: "ssh_forwarding_prohibited",
        facts: { direction: "remote" },
      });
    });

    test("AllowTcpForwarding remote: the check reaches the target, if not by the server", async () => {
      const server = await sshd(["AllowTcpForwarding remote"]);
      const transport = await open(remote(server, await closedPort(), using(await startEcho()).port));
      const stream = await transport.connect({ signal: never() });
      expect(await says(stream, "hello")).toBe("hello");
      stream.destroy();
    });

    test("[ssh-forward-sockets] from a Unix socket at the server to one on this machine", async () => {
      const server = await sshd();
      const remoteSocket = path.join(home.dir, "remote.sock");
      const spec = service(
        server,
        { direction: "remote", remote_socket: remoteSocket },
        { listen: await echoSocket() },
      );
      const transport = await open(spec);
      expect(transport.endpoint).toBe(`127.0.0.1:${remoteSocket}`);
      expect((await stat(remoteSocket)).isSocket()).toBe(true);
      expect(await says(await transport.connect({ signal: never() }), "hello")).toBe("hello");
    });
  });

  describe("dynamic", () => {
    let target: Target;
    beforeEach(async () => {
      target = using(await startEcho());
    });
    const dynamic = async (keys: object = {}): Promise<Transport> =>
      open(service(await sshd(), { direction: "dynamic" }, keys));
    const port = (): number[] => [target.port >> 8, target.port & 255];
    const bytes = (...parts: (number | string)[]): Buffer =>
      Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))));

    async function read(stream: TunnelStream, length: number): Promise<Buffer> {
      const answer = await eventually(async () => (stream.read(length) as Buffer | null) ?? undefined, 3000, 1);
      return answer;
    }

    test.each([
      ["IPv4", () => bytes(1, 127, 0, 0, 1)],
      ["a name, resolved at the server", () => bytes(3, 9, "localhost")],
    ])("[ssh-forward-dynamic] SOCKS 5 with %s", async (_, address) => {
      const stream = await (await dynamic()).connect({ signal: never() });
      stream.write(bytes(5, 2, 0, 2));
      expect(await read(stream, 2)).toEqual(bytes(5, 0));
      stream.write(Buffer.concat([bytes(5, 1, 0), address(), bytes(...port())]));
      expect([...(await read(stream, 10))]).toEqual([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
      const sent = payload(1_000_000);
      stream.end(sent);
      expect(sha256(Buffer.concat(await stream.toArray()))).toBe(sha256(sent));
    });

    test("[ssh-forward-dynamic] SOCKS 5 with IPv6", async () => {
      const six = net.createServer((socket) => socket.pipe(socket)).listen(0, "::1");
      await once(six, "listening");
      using({ [Symbol.asyncDispose]: async () => void six.close() });
      const { port: sixPort } = six.address() as net.AddressInfo;
      const stream = await (await dynamic()).connect({ signal: never() });
      stream.write(bytes(5, 1, 0, 5, 1, 0, 4, ...Array.from({ length: 15 }, () => 0), 1, sixPort >> 8, sixPort & 255));
      expect([...(await read(stream, 12))].slice(0, 4)).toEqual([5, 0, 5, 0]);
      expect(await says(stream, "hello")).toBe("hello");
      stream.destroy();
    });

    test.each([
      ["4", () => bytes(4, 1, ...port(), 127, 0, 0, 1, "user", 0)],
      ["4a", () => bytes(4, 1, ...port(), 0, 0, 0, 1, "user", 0, "localhost", 0)],
    ])("[ssh-forward-dynamic] SOCKS %s, sent together with the first bytes for the target", async (_, request) => {
      const stream = await (await dynamic()).connect({ signal: never() });
      stream.write(Buffer.concat([request(), bytes("hello")]));
      expect((await read(stream, 8))[1]).toBe(90);
      expect(String(await read(stream, 5))).toBe("hello");
      stream.destroy();
    });

    test("what cannot be reached, and what is not asked for right, is answered and ended", async () => {
      const transport = await dynamic();
      const closed = await closedPort();
      const ask = async (request: Buffer): Promise<number[]> => {
        const stream = await transport.connect({ signal: never() });
        stream.write(request);
        return [...Buffer.concat(await stream.toArray())];
      };
      expect((await ask(bytes(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, closed >> 8, closed & 255))).slice(2, 4)).toEqual([
        5, 5,
      ]);
      expect((await ask(bytes(5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 1))).slice(2, 4)).toEqual([5, 7]);
      expect((await ask(bytes(5, 1, 0, 5, 1, 0, 9, 127, 0, 0, 1, 0, 1))).slice(2, 4)).toEqual([5, 8]);
      expect(await ask(bytes(5, 1, 2))).toEqual([5, 0xff]);
      expect((await ask(bytes(4, 1, closed >> 8, closed & 255, 127, 0, 0, 1, 0)))[1]).toBe(91);
      expect(await ask(bytes("GET / HTTP/1.1\r\n\r\n"))).toEqual([]);
    });

    test("[ssh-dynamic-allowed] its check says that a server does not forward at all", async () => {
      for (const setting of ["AllowTcpForwarding no", "AllowTcpForwarding remote"]) {
        const spec = service(await sshd([setting]), { direction: "dynamic" });
        const transport = await open(spec);
        const error = await failure(transport.connectForCheck?.({ signal: never() }) ?? Promise.resolve());
        expect(error.code).toBe("ssh_forwarding_prohibited");
        expect(error.message).toContain("AllowTcpForwarding");
      }
    });
    test("its check asks the server, or goes to the target that is named for it", async () => {
      const asking = await dynamic();
      const stream = await asking.connectForCheck?.({ signal: never() });
      expect(stream?.destroyed).toBe(false);
      stream?.destroy();
      const spec = service(
        await sshd(),
        { direction: "dynamic", remote_host: "127.0.0.1" },
        { remote_port: target.port },
      );
      const named = await (await open(spec)).connectForCheck?.({ signal: never() });
      expect(await says(named as TunnelStream, "hello")).toBe("hello");
      named?.destroy();
    });
  });
});
