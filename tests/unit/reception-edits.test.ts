import { expect, test } from "vitest";
import { Reception } from "#application/engine/reception.ts";
import type { LocalConnection } from "#application/ports/local-listener.ts";
import { directService } from "../support/direct-driver.ts";
import { createSimulatedClock } from "../support/simulated-clock.ts";

const clock = createSimulatedClock();
const waits = directService("db", 1, { waiting_room: { timeout: "30s", connections: 4 } });
/** A service that is dialled: who comes waits. */
const reception = (): Reception =>
  new Reception(waits, {
    clock,
    now: () => ({ wanted: true, link: { kind: "idle" }, transport: undefined, health: { kind: "unknown" } }),
    onFailed: () => {},
    onDoubt: () => {},
    onEnd: () => {},
    onRefused: () => {},
  });

function client(id: number) {
  const seen = { reset: false };
  const connection: LocalConnection = {
    id,
    reset: () => void (seen.reset = true),
    onGone: () => {},
    relay: () => expect.unreachable("nothing is reached"),
  };
  return { connection, seen };
}

test("[reload-in-a-row] after two edits in a row a client of the first waits with the last, and no longer than promised", async () => {
  const [first, second, third] = [reception(), reception(), reception()];
  const early = client(1);
  first.accept(early.connection);
  await clock.advance(10_000);
  second.takeOver(first);
  third.takeOver(second);
  // Its listener is let go a moment later: until then the first one is still where clients arrive.
  const late = client(2);
  first.accept(late.connection);
  expect([first, second, third].map(({ waiting }) => waiting)).toEqual([0, 0, 2]);
  await clock.advance(20_000);
  expect([early.seen.reset, late.seen.reset]).toEqual([true, false]);
  await clock.advance(10_000);
  expect(late.seen.reset).toBe(true);
});
