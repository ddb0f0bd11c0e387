import { expect, test } from "vitest";
import { expiringHorizonMs, expiringSoon } from "#domain/expiring.ts";

const nowMs = 1_000_000_000_000;
const day = 86_400_000;

test("the same thing of many services is one, soonest first; what is far off is no news", () => {
  const token = { what: "token of context staging", atMs: nowMs + day, renew: "aws sso login" };
  const found = [
    { service: "web", what: "TLS certificate of web", atMs: nowMs + 2 * day },
    { service: "db", ...token },
    { service: "cache", ...token },
    { service: "cache", ...token },
    { service: "old", what: "certificate of old", atMs: nowMs - day },
    { service: "far", what: "certificate of far", atMs: nowMs + expiringHorizonMs + 1 },
  ];
  expect(expiringSoon(found, nowMs)).toEqual([
    { what: "certificate of old", atMs: nowMs - day, services: ["old"] },
    { ...token, services: ["db", "cache"] },
    { what: "TLS certificate of web", atMs: nowMs + 2 * day, services: ["web"] },
  ]);
  expect(expiringSoon([], nowMs)).toEqual([]);
});
