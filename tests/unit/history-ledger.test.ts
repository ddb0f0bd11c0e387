import * as fc from "fast-check";
import { expect, test } from "vitest";
import { HourLedger } from "#application/history/hour-ledger.ts";

const hour = 3_600_000;
const db = { workspace: "/w", service: "db" };

test("a span is shared out to the hours that it touches, and no millisecond is lost", () => {
  fc.assert(
    fc.property(fc.nat(10 * hour), fc.nat(5 * hour), fc.boolean(), (fromMs, lengthMs, ready) => {
      const ledger = new HourLedger();
      ledger.span(db, fromMs, fromMs + lengthMs, ready);
      const hours = ledger.take();
      const sum = hours.reduce((total, { wantedMs }) => total + wantedMs, 0);
      expect(sum).toBe(lengthMs);
      for (const { hourMs, wantedMs, readyMs } of hours) {
        expect(hourMs % hour).toBe(0);
        expect(wantedMs).toBeLessThanOrEqual(hour);
        expect(readyMs).toBe(ready ? wantedMs : 0);
      }
      expect(ledger.take()).toEqual([]);
    }),
  );
});

test("counts add up by service and hour, and the slowest check stays", () => {
  const ledger = new HourLedger();
  ledger.add(db, 5, { checks: 1, checkMsSum: 9, checkMsMax: 9 });
  ledger.add(db, 6, { checks: 1, checkMsSum: 4, checkMsMax: 4, checksFailed: 1 });
  ledger.add({ ...db, service: "cache" }, 6, { drops: 1 });
  ledger.add(db, hour + 1, { connections: 2, bytesUp: 3, bytesDown: 4 });
  expect(ledger.take()).toMatchObject([
    { service: "db", hourMs: 0, checks: 2, checksFailed: 1, checkMsSum: 13, checkMsMax: 9 },
    { service: "cache", hourMs: 0, drops: 1, checks: 0 },
    { service: "db", hourMs: hour, connections: 2, bytesUp: 3, bytesDown: 4 },
  ]);
});
