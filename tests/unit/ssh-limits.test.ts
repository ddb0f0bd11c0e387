import { expect, test } from "vitest";
import { defaultLimits } from "#adapters/ssh/dial.ts";
import { limitsOf } from "#adapters/ssh/limits-of.ts";
import type { SshSettings } from "#adapters/ssh/settings.ts";

const limits = (said: Partial<SshSettings["resolved"]>) =>
  limitsOf({ resolved: { serverAliveCountMax: 3, ...said } } as SshSettings, defaultLimits);

test("[ssh-config-limits] what the file does not say is ours", () => {
  expect(limits({})).toEqual(defaultLimits);
  expect(limits({ serverAliveCountMax: 9, connectTimeoutMs: 0 })).toEqual(defaultLimits);
});

test("[ssh-config-limits] what it says is kept, within what a timer can wait", () => {
  expect(limits({ serverAliveIntervalMs: 7000, connectTimeoutMs: 4000 })).toEqual({
    ...defaultLimits,
    handshakeMs: 4000,
    keepaliveMs: 7000,
    keepaliveCount: 3,
  });
  expect(limits({ serverAliveIntervalMs: 0 }).keepaliveMs).toBe(0);
  expect(limits({ serverAliveIntervalMs: 1000, serverAliveCountMax: 0 }).keepaliveCount).toBeGreaterThan(1000);
  const long = limits({ serverAliveIntervalMs: 1e12, connectTimeoutMs: 1e12 });
  expect(Math.max(long.keepaliveMs, long.handshakeMs)).toBeLessThan(2 ** 31);
});
