import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { ReadBuffers } from "#adapters/net/read-buffers.ts";
import { ReadTurns } from "#adapters/net/read-turns.ts";
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

test("[bulk-leaves-room] bulk pauses beside somebody's conversation, not beside its own, nor where it comes by the same socket", async () => {
  const full = 64 * 1024;
  /** How often it was not read on in the next turn of the event loop, of 32. */
  const pauses = async (gives: boolean, talk: (bulk: ReadTurns) => void): Promise<number> => {
    let resumed = Promise.withResolvers<void>();
    let goesOn = false;
    const readOn = (): void => {
      goesOn = true;
      resumed.resolve();
    };
    const turns = new ReadTurns(2, readOn, gives);
    let late = 0;
    for (let turn = 0; turn < 32; turn++) {
      talk(turns);
      expect(turns.goesOn(full, full)).toBe(true);
      expect(turns.goesOn(full, full)).toBe(false);
      await nextTurn();
      if (!goesOn) late++;
      await resumed.promise;
      resumed = Promise.withResolvers();
      goesOn = false;
    }
    return late;
  };
  const somebody = new ReadTurns(2, () => undefined, true);
  expect(await pauses(true, () => somebody.talked())).toBeGreaterThan(0);
  expect(await pauses(false, () => somebody.talked())).toBe(0);
  // What was said before has been answered by now.
  await pause(200);
  expect(await pauses(true, (bulk) => bulk.talked())).toBe(0);
});
