import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";
import type { LocalConnection } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const listeners = createLocalListeners({ clock: createSystemClock(), portOwners: createPortOwners() });
const linux = process.platform === "linux";

async function accepted(
  connectClient: (port: number) => Socket,
): Promise<[Socket, LocalConnection, () => Promise<void>]> {
  const arrival = Promise.withResolvers<LocalConnection>();
  const listener = await listeners.listen("127.0.0.1", 0, arrival.resolve);
  const client = connectClient(listener.port);
  return [client, await arrival.promise, () => listener.close()];
}

const goneWithin = (connection: LocalConnection, ms: number): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    connection.onGone(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });

test("a taken port names the process that holds it", async () => {
  const child = spawn(process.execPath, [
    "-e",
    "require('net').createServer().listen(0,'127.0.0.1',function(){console.log(this.address().port)})",
  ]);
  try {
    const port = Number((await once(child.stdout, "data")).toString());
    const refusal = await listeners.listen("127.0.0.1", port, () => undefined).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConnectivityError);
    expect(refusal).toMatchObject({ code: "local_port_in_use", facts: { port } });
    expect(refusal).toMatchObject({ facts: linux ? { pid: child.pid } : {} });
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

test.skipIf(process.getuid?.() === 0)("a privileged port says so (needs a user without rights)", async () => {
  await expect(listeners.listen("127.0.0.1", 1, () => undefined)).rejects.toMatchObject({
    code: "local_port_privileged",
  });
});

test("localhost is both addresses, on one port", async () => {
  const seen: LocalConnection[] = [];
  const listener = await listeners.listen("localhost", 0, (connection) => void seen.push(connection));
  const hosts = ["127.0.0.1", "::1"];
  const reached = await Promise.all(
    hosts.map(async (host) => {
      const socket = connect({ host, port: listener.port });
      const answer = await Promise.race([
        once(socket, "connect").then(() => true),
        once(socket, "error").then(() => false),
      ]);
      socket.destroy();
      return answer;
    }),
  ).catch(() => []);
  await listener.close();
  for (const connection of seen) connection.reset();
  expect(reached[0]).toBe(true);
});

test.skipIf(!linux)("a client that closes without having sent anything is gone", async () => {
  const [client, connection, close] = await accepted((port) => connect(port, "127.0.0.1"));
  const gone = goneWithin(connection, 3000);
  client.destroy();
  expect(await gone).toBe(true);
  await close();
});

test("a client that only ended its output is not gone, and gets its answer", async () => {
  const [client, connection, close] = await accepted((port) =>
    connect({ port, host: "127.0.0.1", allowHalfOpen: true }),
  );
  const gone = goneWithin(connection, 300);
  client.end();
  expect(await gone).toBe(false);
  const [near, far] = duplexPair();
  const outcome = connection.relay(near);
  far.end("banner");
  far.resume();
  expect(await text(client)).toBe("banner");
  expect((await outcome).ended).toBe("closed");
  await close();
});

test.skipIf(!linux)("a client that ends its output and gives up later is noticed too", async () => {
  const [client, connection, close] = await accepted((port) =>
    connect({ port, host: "127.0.0.1", allowHalfOpen: true }),
  );
  const gone = goneWithin(connection, 5000);
  client.end();
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.destroy();
  expect(await gone).toBe(true);
  await close();
});

test("a client that sends and closes at once has its bytes delivered", async () => {
  const [client, connection, close] = await accepted((port) => connect(port, "127.0.0.1"));
  const gone = goneWithin(connection, 300);
  client.end("metric 1", () => client.destroy());
  expect(await gone).toBe(false);
  const [near, far] = duplexPair();
  const outcome = connection.relay(near);
  expect(await text(far)).toBe("metric 1");
  far.end();
  await outcome;
  await close();
});

test("a target that already spoke, and one that already ended, lose nothing", async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.end("220 ready")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const target = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  await once(target, "connect");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [client, connection, close] = await accepted((port) => connect(port, "127.0.0.1"));
  const outcome = connection.relay(target);
  expect(await text(client)).toBe("220 ready");
  expect(await outcome).toMatchObject({ bytesDown: 9 });
  server.close();
  await close();
});

test("memory does not grow with what a waiting client sends", async () => {
  const [client, connection, close] = await accepted((port) => connect(port, "127.0.0.1"));
  connection.onGone(() => undefined);
  const chunk = Buffer.alloc(1 << 20);
  let taken = 0;
  client.on("error", () => undefined);
  const send = (error?: Error | null): void => {
    if (error) return;
    client.write(chunk, (failed) => {
      taken += chunk.length;
      send(failed);
    });
  };
  send();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const before = taken;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(taken).toBe(before);
  const closed = new Promise((resolve) => client.once("close", resolve));
  connection.reset();
  await closed;
  await close();
});
