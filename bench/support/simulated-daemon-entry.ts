/**
 * The application of a daemon over its own parts (configuration, store, listeners, checks) and simulated targets: a
 * driver whose connections lead to one Unix socket. Argument: `{socket, services, scale, runMs}` as JSON. Prints one JSON
 * line when all services are ready, then, when it has to run for a time, one for each tenth of it, and ends with its stdin.
 *
 * `scale`: so much faster than the clock on the wall time passes for it.
 */
import { connect } from "node:net";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { createSystemClock } from "#adapters/system/clock.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Transport } from "#application/ports/forward-driver.ts";
import type { DirectDriver } from "../../tests/support/direct-driver.ts";
import { makePortwright, serviceYaml } from "../../tests/support/portwright.ts";
import { memoryOf } from "./process.ts";

const { socket, services, scale, runMs } = JSON.parse(process.argv[2] ?? "{}") as {
  readonly socket: string;
  readonly services: number;
  readonly scale: number;
  readonly runMs: number;
};

const startedMs = Date.now();
const elapsedMs = (): number => performance.now() * scale;
/** The daemon's own, unless time passes faster. */
const clock: Clock =
  scale === 1
    ? createSystemClock()
    : {
        nowMs: () => Math.round(startedMs + elapsedMs()),
        monotonicMs: elapsedMs,
        random: () => Math.random(),
        after(ms, run) {
          const timer = setTimeout(run, Math.max(ms, 0) / scale).unref();
          return { [Symbol.dispose]: () => clearTimeout(timer) };
        },
      };

let checks = 0;
const makeTransport = (): Transport => {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  return {
    via: "a simulated target",
    facts: () => ({}),
    connect: async ({ signal }) => {
      checks++;
      const stream = connect({ path: socket, allowHalfOpen: true });
      stream.on("error", () => undefined);
      try {
        await once(stream, "connect", { signal });
      } catch (thrown) {
        stream.destroy();
        throw thrown;
      }
      return stream;
    },
    closed,
    close: () => Promise.resolve(resolve(undefined)),
    destroy: () => resolve(undefined),
  };
};
const driver: DirectDriver = {
  technology: "ssh",
  refuseWith: undefined,
  expiries: [],
  opens: 0,
  openTransports: 0,
  cut: () => undefined,
  changed: () => undefined,
  open: () => Promise.resolve(makeTransport()),
  close: () => Promise.resolve(),
};

await using portwright = await makePortwright({ driver, clock });
const check = "health_check: {type: redis, interval: 10s, timeout: 300s}";
await portwright.configure(Array.from({ length: services }, (_, index) => serviceYaml(`simulated${index}`, 1, check)));
const client = await portwright.connect();
const beginMs = performance.now();
const answer = await client.call("startEnvironment", {});
const say = (message: object): void => void process.stdout.write(`${JSON.stringify(message)}\n`);
say({ state: answer["state"], readyMs: performance.now() - beginMs, pid: process.pid });

const descriptors = (): number => readdirSync("/proc/self/fd").length;
const atRest = descriptors();
const store = (): number =>
  readdirSync(portwright.folder).reduce((sum, name) => sum + statSync(join(portwright.folder, name)).size, 0);
const tenths = runMs > 0 ? 10 : 0;
for (let tenth = 1; tenth <= tenths; tenth++) {
  await new Promise((resolve) => setTimeout(resolve, runMs / 10));
  globalThis.gc?.();
  say({
    tenth,
    checks,
    privateKb: memoryOf(process.pid).privateKb,
    storeBytes: store(),
    ready: portwright.application.status().services.ready,
  });
}
if (runMs > 0) {
  // Those of checks that are on their way come and go: what counts is what is left without any.
  await client.call("stopEnvironment", { except: [] });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  say({ leftOpen: descriptors() - atRest + services });
}
process.stdin.resume();
process.once("SIGTERM", () => process.stdin.destroy());
await once(process.stdin, "close");
