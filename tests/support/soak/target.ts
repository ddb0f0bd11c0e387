import type net from "node:net";

/** What one side of a connection does, one after the other. The client has steps of its own (`client.ts`). */
export type TargetStep =
  | { readonly do: "send"; readonly bytes: number }
  /** Reads and compares them. */
  | { readonly do: "take"; readonly bytes: number }
  /** Sends as many bytes as it takes, as they come. */
  | { readonly do: "answer"; readonly bytes: number }
  | { readonly do: "both"; readonly send: number; readonly take: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "takeEnd" }
  | { readonly do: "end" }
  | { readonly do: "reset" }
  /** As `close(2)`: a reset when something is unread. */
  | { readonly do: "close" };

/** The first line of a connection, as JSON. */
export interface Script {
  /** Names the connection and makes its bytes: those up are of `seed`, those down of `seed + 1`. */
  readonly seed: number;
  readonly steps: readonly TargetStep[];
}

/** Every connection's bytes are its own: a block whose length is a prime, repeated, so that a shift shows. */
export function patternOf(seed: number): Buffer {
  const block = Buffer.allocUnsafeSlow(65_521);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let at = 0; at < block.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    block[at] = state & 0xff;
  }
  return block;
}

/** Serves scripts. Needs nothing of this module but what it is given: its text also runs alone in a pod. */
function serveScripts(
  createServer: typeof net.createServer,
  pattern: typeof patternOf,
  { port, bannerPort, bannerBytes, host }: { port: number; bannerPort: number; bannerBytes: number; host: string },
  say: (line: string) => void,
): void {
  const longestMs = 120_000;
  const pieces = function* (seed: number, from: number, bytes: number): Generator<Buffer> {
    const block = pattern(seed);
    for (let at = from; at < from + bytes;) {
      const start = at % block.length;
      const piece = block.subarray(start, Math.min(block.length, start + from + bytes - at));
      at += piece.length;
      yield piece;
    }
  };
  const serve = (socket: net.Socket, banner: boolean): void => {
    let broken = "";
    let ended = false;
    let wake = (): void => {};
    const changed = (): Promise<void> => new Promise((resolve) => (wake = resolve));
    socket.on("error", (error) => (broken ||= String((error as { code?: unknown }).code)));
    for (const event of ["readable", "close", "drain"]) socket.on(event, () => wake());
    socket.on("end", () => {
      ended = true;
      wake();
    });
    const late = setTimeout(() => socket.destroy(), longestMs);
    let taken = 0;
    let sent = 0;
    const read = async (most: number): Promise<Buffer> => {
      for (;;) {
        const bytes = (socket.read(Math.min(most, socket.readableLength) || undefined) ?? null) as Buffer | null;
        if (bytes !== null) {
          if (bytes.length > most) socket.unshift(bytes.subarray(most));
          return bytes.subarray(0, most);
        }
        if (socket.destroyed || ended) throw new Error(`${broken || "end"} after ${taken} bytes`);
        await changed();
      }
    };
    const write = async (bytes: Buffer): Promise<void> => {
      if (socket.destroyed) throw new Error(`${broken || "closed"} after sending ${sent} bytes`);
      if (socket.write(bytes)) return;
      while (socket.writableNeedDrain && !socket.destroyed) await changedOf("drain");
    };
    const changedOf = (event: string): Promise<unknown> =>
      new Promise((resolve) => {
        socket.once(event, resolve);
        socket.once("close", resolve);
      });
    const send = async (seed: number, bytes: number): Promise<void> => {
      for (const piece of pieces(seed + 1, sent, bytes)) await write(piece);
      sent += bytes;
    };
    const take = async (seed: number, bytes: number, each = async (_bytes: number): Promise<void> => {}) => {
      const block = pattern(seed);
      for (const end = taken + bytes; taken < end;) {
        const chunk = await read(Math.min(end - taken, block.length - (taken % block.length)));
        const at = taken % block.length;
        if (chunk.compare(block, at, at + chunk.length) !== 0) throw new Error(`WRONG BYTES within ${taken}`);
        taken += chunk.length;
        await each(chunk.length);
      }
    };
    const run = async (step: TargetStep, seed: number): Promise<void> => {
      if (step.do === "send") await send(seed, step.bytes);
      else if (step.do === "take") await take(seed, step.bytes);
      else if (step.do === "answer") await take(seed, step.bytes, (bytes) => send(seed, bytes));
      else if (step.do === "both") await Promise.all([send(seed, step.send), take(seed, step.take)]);
      else if (step.do === "wait") await new Promise((resolve) => setTimeout(resolve, step.ms));
      else if (step.do === "end") socket.end();
      else if (step.do === "reset") socket.resetAndDestroy();
      else if (step.do === "close") socket.destroy();
      else {
        const more = await read(1).catch(() => undefined);
        if (more !== undefined) throw new Error("more bytes than the script takes");
        if (broken !== "") throw new Error(broken);
      }
    };
    const whole = async (): Promise<void> => {
      let seed = -1;
      let at = -1;
      let steps = 0;
      try {
        if (banner) for (const piece of pieces(0, 0, bannerBytes)) await write(piece);
        let line = "";
        while (!line.endsWith("\n")) line += String(await read(1));
        const script = JSON.parse(line) as Script;
        seed = script.seed;
        steps = script.steps.length;
        for (const step of script.steps) {
          at++;
          await run(step, seed);
        }
        at++;
        say(`done ${seed}`);
        // Whatever comes is too much; its end is answered with ours.
        if (!socket.destroyed && !socket.writableEnded) {
          await run({ do: "takeEnd" }, seed);
          socket.end();
        }
      } catch (error) {
        // Of a client that breaks it off after the script nothing is to be said.
        if (at < steps || !broken) say(`failed ${seed} step ${at}: ${(error as Error).message}`);
        if (!socket.destroyed) socket.resetAndDestroy();
      } finally {
        clearTimeout(late);
      }
    };
    void whole();
  };
  for (const [number, banner] of [
    [port, false],
    [bannerPort, true],
  ] as const) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serve(socket, banner));
    server.listen(number, host, 1024, () => say(`listening ${(server.address() as net.AddressInfo).port}`));
  }
}

/** What a target sends before it is asked, on its second port. */
export const bannerBytes = 3000;

/** The same as a program for `node -e`; it says on stdout how each script went. */
export const targetProgram = (port: number, bannerPort: number, host: string): string =>
  `const patternOf = ${patternOf.toString()};
const serve = ${serveScripts.toString()};
serve(require("node:net").createServer, patternOf, ${JSON.stringify({ port, bannerPort, bannerBytes, host })}, console.log);`;
