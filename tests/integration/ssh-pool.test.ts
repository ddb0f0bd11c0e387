import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, Transport, TunnelStream } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { eventually } from "../support/eventually.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { newKey, startSshServer, type SshServer, type SshServerOptions } from "../support/ssh-server.ts";

const never = (): AbortSignal => new AbortController().signal;

let home: SshHome;
let driver: ForwardDriver;
let echo: Target;
const scope: AsyncDisposable[] = [];

beforeEach(async () => {
  home = await sshHome();
  driver = createSshDriver({
    limits: { handshakeMs: 1500, loginMs: 1500, keepaliveMs: 200, keepaliveCount: 2 },
    lingerMs: 100,
    retryGapMs: 100,
  });
  echo = await startEcho();
  scope.push(echo);
});
afterEach(async () => {
  await driver.close();
  for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

async function server(options: SshServerOptions = {}): Promise<SshServer> {
  const started = await startSshServer({ password: "secret", ...options });
  scope.push(started);
  await home.write("known_hosts", started.knownHosts.join("\n"));
  return started;
}
const service = (port: number, connection: object = {}) =>
  sshService({ host: "127.0.0.1", port, remote_host: "127.0.0.1", password: "secret", ...connection }, echo.port);
const open = (port: number, connection: object = {}): Promise<Transport> =>
  driver.open(service(port, connection), { signal: never(), access: home.access });
const connect = (transport: Transport): Promise<TunnelStream> => transport.connect({ signal: never() });
const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
  work.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as ConnectivityError,
  );
async function echoes(stream: TunnelStream): Promise<void> {
  stream.write("hello");
  expect(String(((await once(stream, "data")) as [Buffer])[0])).toBe("hello");
}

describe("a server with room for some channels", () => {
  test("[ssh-pool-growth] gets a further connection, which goes when it is empty", async () => {
    const bastion = await server({ mostChannels: 2 });
    const transport = await open(bastion.port);
    const streams = await Promise.all(Array.from({ length: 5 }, () => connect(transport)));
    for (const stream of streams) await echoes(stream);
    expect(bastion.logins).toBe(3);
    expect(transport.facts()["connections"]).toBe(3);
    for (const stream of streams) stream.destroy();
    await eventually(async () => bastion.connections.size === 1, 3000);
    await echoes(await connect(transport));
  });

  test("the loss of one of them leaves the others alone", async () => {
    const bastion = await server({ mostChannels: 1 });
    const transport = await open(bastion.port);
    const first = await connect(transport);
    const second = await connect(transport);
    const lost = new Promise((resolve) => first.once("close", resolve));
    [...bastion.connections][0]?.end();
    await lost;
    await echoes(second);
    await echoes(await connect(transport));
    expect(second.destroyed).toBe(false);
  });

  test("one that takes no channel at all gets no further login", async () => {
    const bastion = await server();
    const transport = await open(bastion.port);
    bastion.forwarding = 4;
    expect((await failure(connect(transport))).code).toBe("ssh_session_limit");
    expect((await failure(connect(transport))).code).toBe("ssh_session_limit");
    expect(bastion.logins).toBe(1);
  });
});

describe("a server that cannot be reached", () => {
  test("[ssh-back-soon] is tried for those who wait, and they are told of its return", async () => {
    const bastion = await server();
    const { port } = bastion;
    await bastion[Symbol.asyncDispose]();
    expect((await failure(open(port))).code).toBe("host_unreachable");
    const told = Promise.withResolvers<void>();
    using _watch = driver.watch?.(service(port), home.access, told.resolve);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const back = await startSshServer({ password: "secret", port, hostKeys: bastion.hostKeys });
    scope.push(back);
    await told.promise;
    await echoes(await connect(await open(port)));
    // The attempt that found it is the connection that is used.
    expect(back.logins).toBe(1);
  });

  test("nobody watches: nothing is tried", async () => {
    const bastion = await server();
    const { port } = bastion;
    await bastion[Symbol.asyncDispose]();
    expect((await failure(open(port))).code).toBe("host_unreachable");
    driver.watch?.(service(port), home.access, () => undefined)[Symbol.dispose]();
    const back = await startSshServer({ password: "secret", port, hostKeys: bastion.hostKeys });
    scope.push(back);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(back.attempts).toEqual([]);
  });
});

describe("a server that refuses the login", () => {
  test("[ssh-no-hammering] is asked once for any number of services, and again when what there is to log in with changed", async () => {
    home.env["PASSWORD"] = "wrong";
    const bastion = await server();
    const login = { password: `\${env:PASSWORD}` };
    for (let round = 0; round < 3; round++) {
      const all = await Promise.all(Array.from({ length: 10 }, () => failure(open(bastion.port, login))));
      expect(new Set(all.map(({ code }) => code))).toEqual(new Set(["ssh_authentication_failed"]));
    }
    expect(bastion.attempts.filter((method) => method === "password")).toHaveLength(1);
    home.env["PASSWORD"] = "secret";
    await echoes(await connect(await open(bastion.port, login)));
    expect(bastion.attempts.filter((method) => method === "password")).toHaveLength(2);
  });

  test("so is one with a key that it does not take", async () => {
    const bastion = await server({ authorizedKeys: [newKey().public] });
    const keyFile = await home.write("id", newKey().private);
    for (let round = 0; round < 5; round++) {
      const refusal = await failure(open(bastion.port, { key_file: keyFile, password: undefined }));
      expect(refusal.code).toBe("ssh_authentication_failed");
    }
    expect(bastion.attempts.filter((method) => method === "publickey")).toHaveLength(1);
  });
});
