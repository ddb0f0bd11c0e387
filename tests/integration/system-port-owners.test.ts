import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";

test.skipIf(process.platform !== "linux")("names this process for a port that it listens on", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  expect((await createPortOwners().find(port))?.pid).toBe(process.pid);
  server.close();
  await once(server, "close");
  expect(await createPortOwners().find(port)).toBeUndefined();
});

test("asks lsof where there is no /proc, and is content when that finds nobody", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const owner = await createPortOwners("darwin").find(port);
  expect([undefined, process.pid]).toContain(owner?.pid);
  expect(await createPortOwners("win32").find(port)).toBeUndefined();
  server.close();
  expect(await createPortOwners("darwin").find(1)).toBeUndefined();
});

test("the clock runs later, not earlier, and not at all when cancelled", async () => {
  const clock = createSystemClock();
  const startedMs = clock.monotonicMs();
  const keepAlive = setTimeout(() => undefined, 1000);
  let cancelled = true;
  clock.after(20, () => (cancelled = false))[Symbol.dispose]();
  await new Promise<void>((resolve) => clock.after(30, resolve));
  clearTimeout(keepAlive);
  expect(clock.monotonicMs() - startedMs).toBeGreaterThan(25);
  expect(cancelled).toBe(true);
  expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1000);
  expect(clock.random()).toBeLessThan(1);
});
