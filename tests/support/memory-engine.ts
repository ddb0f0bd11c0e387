import { redisProbe } from "#adapters/probes/redis.ts";
import type { openStores } from "#adapters/sqlite/open-stores.ts";
import { Engine } from "#application/engine/engine.ts";
import { Recorder } from "#application/history/recorder.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { emptyAccess, directService } from "./direct-driver.ts";
import { createMemoryWorld, type MemoryWorld } from "./memory-driver.ts";

/** A file in memory: services by name with their further keys; `undefined`: it is invalid. */
export type MemoryFile = Readonly<Record<string, object>> | undefined;

/** A daemon's life over a state that outlives it: no sockets, and time that a test moves. */
export interface MemoryEngine {
  readonly engine: Engine;
  world(service: string): MemoryWorld;
  /** The process ends at once: nothing of it runs any more. */
  kill(): void;
}

export const memoryPath = "/memory/portwright.yaml";
const firstPort = 4000;

/** One process. `file` is asked anew at each reading. */
export function startMemoryEngine(
  clock: Clock,
  stores: ReturnType<typeof openStores>,
  file: () => { readonly version: number; readonly content: MemoryFile },
): MemoryEngine {
  const timers = new Set<Disposable>();
  let dead = false;
  const mortal: Clock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    random: () => clock.random(),
    after(ms, run) {
      if (dead) return { [Symbol.dispose]: () => undefined };
      const timer = clock.after(ms, () => {
        timers.delete(timer);
        run();
      });
      timers.add(timer);
      return {
        [Symbol.dispose]: () => {
          timers.delete(timer);
          timer[Symbol.dispose]();
        },
      };
    },
  };
  const worlds = new Map<string, MemoryWorld>();
  const world = (service: string): MemoryWorld => {
    let known = worlds.get(service);
    if (!known) worlds.set(service, (known = createMemoryWorld()));
    return known;
  };
  const names = new Map<number, string>();
  const configuration = (content: Readonly<Record<string, object>>): Configuration => ({
    path: memoryPath,
    dialect: "portwright",
    services: Object.entries(content).map(([name, keys], index) => {
      const localPort = firstPort + name.charCodeAt(0);
      names.set(localPort, name);
      const spec = { ...directService(name, 1, { local_port: localPort, ...keys }) };
      return { name, position: { line: index + 1, column: 1 }, spec };
    }),
    environments: [],
    warnings: [],
    variables: [],
  });
  const engine = new Engine({
    clock: mortal,
    store: stores.state,
    recorder: new Recorder(stores.history, mortal),
    configSource: {
      find: () => Promise.resolve(memoryPath),
      fingerprint: () => Promise.resolve(String(file().version)),
      read: (path) => {
        const { content } = file();
        const problem = {
          severity: "error",
          code: "config_invalid",
          message: "no",
          path: "",
          line: 1,
          column: 1,
        } as const;
        if (!content) return Promise.resolve({ ok: false, path, problems: [problem] });
        return Promise.resolve({ ok: true, configuration: configuration(content) });
      },
    },
    listeners: {
      listen: (_host, port, onConnection) =>
        world(names.get(port) ?? "").listen((connection) => dead || onConnection(connection)),
    },
    adHoc: stores.adHoc,
    addresses: { fingerprint: () => "one" },
    probes: { run: (check, path, context) => redisProbe.run(check as HealthCheckOf<"redis">, path, context) },
    driver: () =>
      Promise.resolve({
        technology: "ssh",
        open: (service, context) => world(service.name).driver.open(service, context),
        watch: (service, access, onChange) =>
          world(service.name).driver.watch?.(service, access, onChange) ?? { [Symbol.dispose]: () => undefined },
        close: () => Promise.resolve(),
      }),
    access: () => emptyAccess,
    lookup: () => () => undefined,
    isConnected: () => true,
    admissions: {
      recover: () => Promise.resolve(),
      admit: (_workspace, { configuration: read }) => Promise.resolve({ configuration: read, settled: true }),
      fallBack: () => Promise.resolve(undefined),
      watch: () => ({ [Symbol.dispose]: () => undefined }),
    },
  });
  return {
    engine,
    world,
    kill() {
      dead = true;
      for (const timer of timers) timer[Symbol.dispose]();
      timers.clear();
    },
  };
}
