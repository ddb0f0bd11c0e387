import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { ReadBuffers } from "#adapters/net/read-buffers.ts";
import { socketSource } from "#adapters/net/socket-source.ts";
import { reusingSocket } from "#adapters/ssh/reused-reads.ts";

const total = 1_500_000;

/** A server that has it all in the kernel before anybody reads. */
async function sender() {
  const server = createServer((socket) => void socket.end(Buffer.alloc(total, 7)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: async () => void server.close() };
}

/** Counts what comes, and the most of it in one turn of the event loop. */
function counter() {
  const counts = { bytes: 0, inTurn: 0, mostInTurn: 0 };
  let next: NodeJS.Immediate | undefined;
  const take = (bytes: Buffer): boolean => {
    counts.bytes += bytes.length;
    counts.inTurn += bytes.length;
    counts.mostInTurn = Math.max(counts.mostInTurn, counts.inTurn);
    next ??= setImmediate(() => {
      next = undefined;
      counts.inTurn = 0;
    });
    return true;
  };
  return { counts, take };
}

test("[bulk-takes-turns] a socket is read at most twice in a turn, whoever it is read for", async () => {
  await using from = await sender();
  const socket = connect({ port: from.port, host: "127.0.0.1" }).pause();
  await once(socket, "connect");
  await pause(100);
  const { counts, take } = counter();
  const source = socketSource(socket, new ReadBuffers());
  source.receive(take, false);
  const ended = once(source.stream, "end");
  source.resume();
  await ended;
  expect(counts.bytes).toBe(total);
  expect(counts.mostInTurn).toBeLessThanOrEqual(2 * 64 * 1024);
  source.stream.destroy();
});

test("[bulk-takes-turns] a reader that stops in the meantime stays stopped", async () => {
  await using from = await sender();
  const socket = connect({ port: from.port, host: "127.0.0.1" }).pause();
  await once(socket, "connect");
  await pause(100);
  const source = socketSource(socket, new ReadBuffers());
  let reads = 0;
  let bytes = 0;
  const stopsAt = new Set([1, 2, 3, 6, 8, 13]);
  let stopped = false;
  source.receive((read) => {
    expect(stopped).toBe(false);
    bytes += read.length;
    stopped = stopsAt.has(++reads);
    if (stopped) {
      void pause(20).then(() => {
        stopped = false;
        source.resume();
      });
    }
    return !stopped;
  }, true);
  const ended = once(source.stream, "end");
  source.resume();
  await ended;
  expect(bytes).toBe(total);
  source.stream.destroy();
});

test("[bulk-takes-turns] the socket of an SSH connection too", async () => {
  await using from = await sender();
  const { socket } = reusingSocket(() => false);
  const { counts, take } = counter();
  socket.pause();
  socket.connect({ port: from.port, host: "127.0.0.1" });
  await once(socket, "connect");
  await pause(100);
  socket.on("data", take);
  const ended = once(socket, "end");
  socket.resume();
  await ended;
  expect(counts.bytes).toBe(total);
  expect(counts.mostInTurn).toBeLessThanOrEqual(4 * 128 * 1024);
  socket.destroy();
});
