import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { SshTransport } from "#adapters/ssh/forward/transport.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";

const signal = new AbortController().signal;

/** A way whose one connection opens when the test says so. */
function made() {
  const opening = Promise.withResolvers<TunnelStream>();
  const seen = { released: 0, drained: false };
  const transport = new SshTransport({
    via: "ssh box",
    connect: () => opening.promise,
    facts: () => ({}),
    expiries: () => [],
    closed: new Promise(() => {}),
    release: () => void seen.released++,
  });
  const drain = async (): Promise<void> => {
    await transport.close(5000);
    seen.drained = true;
  };
  return { transport, opening, seen, drain };
}

test("[ssh-drain] what is being opened when a way is closed is opened, and waited for", async () => {
  const { transport, opening, seen, drain } = made();
  const connecting = transport.connect({ signal });
  const draining = drain();
  await sleep(10);
  expect(seen).toEqual({ released: 0, drained: false });
  opening.resolve(new PassThrough());
  const stream = await connecting;
  await sleep(10);
  expect([stream.destroyed, seen.drained]).toEqual([false, false]);
  await expect(transport.connect({ signal })).rejects.toMatchObject({ code: "connection_lost" });
  stream.destroy();
  await draining;
  expect(seen).toEqual({ released: 1, drained: true });
});

test("[ssh-drain] what fails to open ends the wait, and what is cut ends at once", async () => {
  const failing = made();
  const refused = failing.transport.connect({ signal });
  const draining = failing.drain();
  failing.opening.reject(new TypeError("refused"));
  await expect(refused).rejects.toThrow("refused");
  await draining;
  const cut = made();
  const connecting = cut.transport.connect({ signal });
  cut.transport.destroy();
  expect(cut.seen.released).toBe(1);
  // A forward that was told to end, and opens all the same.
  const late = new PassThrough();
  cut.opening.resolve(late);
  await expect(connecting).rejects.toMatchObject({ code: "connection_lost" });
  expect(late.destroyed).toBe(true);
});
