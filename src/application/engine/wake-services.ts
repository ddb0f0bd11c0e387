import { humanDuration } from "#domain/time.ts";
import type { Technology } from "#domain/spec/service.ts";
import type { ForwardDriver } from "../ports/forward-driver.ts";
import type { ServiceRuntime } from "./service-runtime.ts";
import type { WakeReason } from "./wake.ts";

/** Looks at every wanted service again at once, of every technology: first what the drivers hold, then each path. */
export function wakeServices(
  runtimes: readonly ServiceRuntime[],
  driver: (technology: Technology) => Promise<ForwardDriver>,
): void {
  const wanted = runtimes.filter((runtime) => runtime.wanted);
  const technologies = new Set(wanted.map(({ spec }) => spec.technology));
  const verified = Promise.allSettled([...technologies].map(async (name) => (await driver(name)).verify?.()));
  for (const runtime of wanted) runtime.wake(verified);
}

/** For the events. */
export const wakeWords = (reason: WakeReason): string =>
  reason.kind === "paused"
    ? `everything stood still for ${humanDuration(reason.ms)} (this machine slept, or Portwright was stopped): the way is verified again`
    : "the network addresses of this machine changed: the way is verified again";
