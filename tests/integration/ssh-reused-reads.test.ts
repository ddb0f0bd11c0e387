import { once } from "node:events";
import { expect, test } from "vitest";
import { reusingSocket } from "#adapters/ssh/reused-reads.ts";
import { payload, startTarget } from "../contract/forward-driver-targets.ts";

/** Reads of a socket as they come, each of those that were asked for by itself. */
async function reading(
  sizes: readonly number[],
  onRead: (bytes: Buffer, index: number, reads: ReturnType<typeof reusingSocket>["reads"]) => void,
  keeping = () => false,
) {
  await using target = await startTarget();
  const { socket, reads } = reusingSocket(keeping);
  let index = 0;
  let got = 0;
  const arrived: (() => void)[] = [];
  socket.on("data", (bytes: Buffer) => {
    onRead(bytes, index++, reads);
    got += bytes.length;
    arrived.shift()?.();
  });
  socket.connect({ port: target.port, host: "127.0.0.1" });
  const server = await target.next();
  const sent: Buffer[] = [];
  for (const size of sizes) {
    const bytes = payload(size);
    sent.push(bytes);
    const before = got;
    const whole = new Promise<void>((resolve) => {
      const wait = (): void => (got - before >= size ? resolve() : void arrived.push(wait));
      arrived.push(wait);
    });
    server.write(bytes);
    await whole;
  }
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
  return sent;
}

test("[ssh-reused-reads] what a read brought stays until the bulk read after the next one, small ones in between or not", async () => {
  const seen: { view: Buffer; copy: Buffer }[] = [];
  await reading([20_000, 40, 20_000, 7, 9, 20_000], (view) => {
    const bulk = seen.findLast(({ view: { length } }) => length >= 16 * 1024);
    for (const { view: then, copy } of [...seen.slice(-1), ...(bulk ? [bulk] : [])])
      expect(then.equals(copy)).toBe(true);
    seen.push({ view, copy: Buffer.from(view) });
  });
  expect(seen.length).toBeGreaterThanOrEqual(6);
});

test("[ssh-reused-reads] what is retained is never overwritten, and memory that was given back is used again", async () => {
  const kept: { view: Buffer; copy: Buffer; giveBack: () => void }[] = [];
  const memory = new Set<ArrayBufferLike>();
  await reading(
    Array.from({ length: 12 }, () => 20_000),
    (view, index, reads) => {
      memory.add(view.buffer);
      for (const { view: then, copy } of index < 5 ? kept : []) expect(then.equals(copy)).toBe(true);
      if (index < 4) kept.push({ view, copy: Buffer.from(view), giveBack: reads.retain(view) });
      else for (const { giveBack } of kept) giveBack();
    },
  );
  expect(memory.size).toBeLessThanOrEqual(7);
});

test("[ssh-reused-reads] what two keep a part of is used again only when both have given it back", async () => {
  let kept: { view: Buffer; copy: Buffer; giveBack: (() => void)[] } | undefined;
  await reading(
    Array.from({ length: 14 }, () => 20_000),
    (view, index, reads) => {
      expect(index >= 9 || !kept || kept.view.equals(kept.copy)).toBe(true);
      if (index === 0) {
        const giveBack = [view.subarray(0, 100), view.subarray(100)].map((part) => reads.retain(part));
        kept = { view, copy: Buffer.from(view), giveBack };
      }
      // So that memory which was given back is wanted.
      if (index > 2) reads.retain(view);
      // Twice, which counts once.
      if (index === 2 || index === 3) kept?.giveBack[0]?.();
      if (index === 9) kept?.giveBack[1]?.();
    },
  );
  expect(kept).toBeDefined();
});

test("[ssh-reused-reads] amid a key exchange nothing is used again, whoever gives it back", async () => {
  const seen: { view: Buffer; copy: Buffer }[] = [];
  await reading(
    Array.from({ length: 8 }, () => 20_000),
    (view, _, reads) => {
      seen.push({ view, copy: Buffer.from(view) });
      reads.retain(view)();
      for (const { view: then, copy } of seen) expect(then.equals(copy)).toBe(true);
    },
    () => true,
  );
  expect(seen.length).toBeGreaterThanOrEqual(8);
});

test("[ssh-reused-reads] what is written in one turn goes out together, after connecting too; bulk does not wait for its end", async () => {
  await using target = await startTarget();
  const { socket } = reusingSocket(() => false);
  socket.connect({ port: target.port, host: "127.0.0.1" });
  const server = await target.next();
  if (socket.connecting) await once(socket, "connect");
  socket.write(Buffer.from("to"));
  await new Promise<void>((resolve) => process.nextTick(resolve));
  socket.write(Buffer.from("gether"));
  expect(socket.writableCorked).toBe(1);
  expect(String((await once(server, "data"))[0])).toBe("together");
  expect(socket.writableCorked).toBe(0);
  socket.write(Buffer.alloc(20_000));
  expect(socket.writableCorked).toBe(1);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(socket.writableCorked).toBe(0);
  const closed = once(socket, "close");
  socket.destroy();
  await closed;
});

test("[ssh-reused-reads] only memory of one packet alone is freed when nobody keeps it, and not what is read into", async () => {
  const packet = (): Buffer => Buffer.from(new ArrayBuffer(20_000), 10, 19_970);
  const seen: { view: Buffer; copy: Buffer }[] = [];
  await reading([20_000, 20_000], (view, _, reads) => {
    reads.release(view);
    reads.release(view.subarray(9, 10_000));
    expect(view.length).toBeGreaterThan(0);
    const [released, kept, shared, small] = [packet(), packet(), Buffer.alloc(40_000), Buffer.alloc(100)];
    reads.release(released);
    const giveBack = reads.retain(kept);
    for (const part of [shared.subarray(0, 20_000), small]) reads.release(part);
    expect([released, kept, shared, small].map(({ length }) => length)).toEqual([0, 19_970, 40_000, 100]);
    giveBack();
    expect(kept.length).toBe(0);
    giveBack();
    seen.push({ view, copy: Buffer.from(view) });
  });
  expect(seen.length).toBeGreaterThanOrEqual(2);
});

test.each([8192, 65_536])(
  "[ssh-reused-reads] a small read is not freed with a packet of it, where Node's pool is of %d bytes",
  async (poolSize) => {
    const { poolSize: before } = Buffer;
    Buffer.poolSize = poolSize;
    try {
      await reading([5100, 9000, 5100], (view, index, reads) => {
        if (index !== 0) return;
        const [packet, after] = [view.subarray(0, 5000), view.subarray(5000)];
        reads.release(packet);
        reads.retain(packet)();
        expect(after.length).toBe(100);
      });
    } finally {
      Buffer.poolSize = before;
    }
  },
);
