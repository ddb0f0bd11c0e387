/**
 * What puts load on a forward, as a process of its own: `node load-entry.ts KIND ARGUMENTS…` prints one line of JSON.
 * `rate PORT SECONDS CONCURRENT`: connections per second, each with one request, the whole answer and its close.
 * `first PORT COUNT`: milliseconds from the first packet to the first byte of an answer, each on a new connection.
 * `trip PORT COUNT`: milliseconds of one byte there and back on one connection.
 * `hold PORT COUNT`: opens connections, asks once on each, says how many were answered, and keeps them until stdin ends.
 * `up PORT BYTES`: seconds until the other end has read that much and said so.
 * `torn PORT COUNT`: downloads without end; says when all run, then for each how it ended and at which epoch millisecond.
 * `ignore PORT`: a connection that is never read, until stdin ends.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const [kind, ...args] = process.argv.slice(2);
const [port = 0, count = 0, concurrent = 1] = args.map(Number);
const request = "GET /hostname HTTP/1.1\r\nHost: localhost\r\n\r\n";
const say = (answer: object): void => console.log(JSON.stringify(answer));

const open = (): Socket => connect({ port, host: "127.0.0.1", noDelay: true });

/** Resolves with the time of the first byte once the whole answer is there; undefined when the connection broke. */
function ask(socket: Socket): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    let firstMs: number | undefined;
    socket.on("data", (chunk: Buffer) => {
      firstMs ??= performance.now();
      text += chunk.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (head !== -1 && text.length >= head + 4 + Number(length ?? 0)) resolve(firstMs);
    });
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(undefined));
    socket.write(request);
  });
}

async function one(): Promise<number | undefined> {
  const startedMs = performance.now();
  const socket = open();
  const firstMs = await ask(socket);
  socket.destroy();
  return firstMs === undefined ? undefined : firstMs - startedMs;
}

const stdinEnds = (): Promise<unknown> => once(process.stdin.resume(), "end");

if (kind === "rate") {
  const warmUpMs = 700;
  const startedMs = performance.now();
  let [done, failed] = [0, 0];
  const loop = async (): Promise<void> => {
    while (performance.now() - startedMs < warmUpMs + count * 1000) {
      const answered = (await one()) !== undefined;
      if (performance.now() - startedMs < warmUpMs) continue;
      if (answered) done++;
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: concurrent }, loop));
  say({ perSecond: done / ((performance.now() - startedMs - warmUpMs) / 1000), failed });
} else if (kind === "first") {
  const ms: number[] = [];
  for (let at = 0; at < count; at++) {
    const took = await one();
    if (took !== undefined) ms.push(took);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  say({ ms });
} else if (kind === "trip") {
  const socket = open();
  await once(socket, "connect");
  const ms: number[] = [];
  for (let at = 0; at < count; at++) {
    const sentMs = performance.now();
    socket.write("x");
    await once(socket, "data");
    ms.push(performance.now() - sentMs);
  }
  socket.destroy();
  say({ ms });
} else if (kind === "hold") {
  const startedMs = performance.now();
  const sockets = Array.from({ length: count }, open);
  const answers = await Promise.all(sockets.map(ask));
  say({ answered: answers.filter((ms) => ms !== undefined).length, ms: performance.now() - startedMs });
  await stdinEnds();
  for (const socket of sockets) socket.destroy();
} else if (kind === "up") {
  const socket = open();
  await once(socket, "connect");
  const done = once(socket, "data");
  const block = Buffer.alloc(256 * 1024);
  const startedMs = performance.now();
  for (let sent = 0; sent < count; sent += block.length) {
    if (!socket.write(block.subarray(0, Math.min(block.length, count - sent)))) await once(socket, "drain");
  }
  await done;
  say({ seconds: (performance.now() - startedMs) / 1000 });
  socket.destroy();
} else if (kind === "torn") {
  const running: Promise<unknown>[] = [];
  const endings = Array.from({ length: count }, () => {
    const socket = open();
    running.push(new Promise((resolve) => socket.once("data", resolve).once("close", resolve)));
    socket.resume();
    return new Promise<{ how: string; atMs: number }>((resolve) => {
      socket.on("error", (error: NodeJS.ErrnoException) => resolve({ how: error.code ?? "", atMs: Date.now() }));
      socket.on("end", () => resolve({ how: "end", atMs: Date.now() }));
    });
  });
  await Promise.all(running);
  say({ running: true });
  say({ endings: await Promise.all(endings) });
} else if (kind === "ignore") {
  const socket = open();
  await once(socket, "connect");
  socket.pause();
  say({ connected: true });
  await stdinEnds();
  socket.destroy();
}
