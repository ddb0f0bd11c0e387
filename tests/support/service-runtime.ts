import { once } from "node:events";
import { connect as dialTcp, type Socket } from "node:net";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createProbes } from "#adapters/probes/index.ts";
import { createSystemClock } from "#adapters/system/clock.ts";
import { createPortOwners } from "#adapters/system/port-owners.ts";
import type { ServiceRuntimeDependencies } from "#application/engine/runtime-dependencies.ts";
import { ServiceRuntime } from "#application/engine/service-runtime.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { createDirectDriver, emptyAccess, type DirectDriver } from "./direct-driver.ts";
import { eventually } from "./eventually.ts";

export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: ServiceRuntime;
  readonly driver: DirectDriver;
  /** Every change, as `before → after code`. */
  readonly changes: string[];
  /** How connections ended. */
  readonly ended: string[];
  readonly becomes: (state: string, withinMs?: number) => Promise<void>;
  /** A client of the local port; one that is reset at once is closed when it comes. Rejects when nothing listens. */
  readonly client: () => Promise<Socket>;
}

/** A service's running side over real listeners and probes and the direct driver; each part may be replaced. */
export function makeRuntime(spec: ServiceSpec, replaced: Partial<ServiceRuntimeDependencies> = {}): RuntimeUnderTest {
  const clock = replaced.clock ?? createSystemClock();
  const driver = createDirectDriver();
  const listeners = createLocalListeners({ portOwners: createPortOwners(), clock });
  const changes: string[] = [];
  const ended: string[] = [];
  const runtime = new ServiceRuntime(spec, {
    clock,
    access: emptyAccess,
    probes: createProbes(),
    driver: () => Promise.resolve(driver),
    listen: (service, onConnection) => listeners.listen(service.listen, service.localPort, onConnection),
    onCondition: (after, before) =>
      changes.push(`${before.state} → ${after.state} ${after.failure?.code ?? ""}`.trim()),
    onFlapping: ({ code }) => changes.push(code),
    onConnectionEnd: (outcome) => void (outcome && ended.push(outcome.ended)),
    ...replaced,
  });
  const state = (): string => runtime.condition.state;
  return {
    runtime,
    driver,
    changes,
    ended,
    becomes: async (wanted, withinMs = 5000) => {
      await eventually(async () => state() === wanted, withinMs, 5);
    },
    client: async () => {
      const socket = dialTcp(runtime.port, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect").catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ECONNRESET") throw error;
      });
      return socket;
    },
    async [Symbol.asyncDispose]() {
      await runtime.stop();
      await driver.close();
    },
  };
}

/** How a client's connection ended: `ended` cleanly, or `reset`; `open` when it is still there after `withinMs`. */
export async function fateOf(socket: Socket, withinMs: number): Promise<"ended" | "reset" | "open"> {
  let fate: "ended" | "reset" | "open" = "open";
  socket.once("error", () => (fate = "reset"));
  socket.once("end", () => (fate = fate === "reset" ? fate : "ended"));
  socket.resume();
  if (socket.destroyed) return "reset";
  await once(socket, "close", { signal: AbortSignal.timeout(withinMs) }).catch(() => undefined);
  return fate;
}

/** Asks a RESP server through a connection. */
export async function ping(socket: Socket, withinMs = 3000): Promise<string> {
  socket.write("PING\r\n");
  const [bytes] = (await once(socket, "data", { signal: AbortSignal.timeout(withinMs) })) as [Buffer];
  return bytes.toString().trim();
}
