import { errorCatalogue } from "#domain/error-catalogue.ts";
import type { Engine } from "../engine/engine.ts";
import { nextChange } from "../engine/next-change.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { Clock } from "../ports/clock.ts";

/** A service that fails this long in one go has shown its cause; a shorter time may be a start that needs a second try. */
const failureSettlesAfterMs = 1500;

/**
 * Waits until each service is ready, or has failed long enough to be told, or the time is over; reports each that becomes
 * ready. Returns whether all have settled.
 */
export async function settle(
  deps: { readonly engine: Engine; readonly clock: Clock },
  workspace: Workspace,
  services: readonly string[],
  limitMs: number,
  context: CallContext,
): Promise<boolean> {
  const { clock, engine } = deps;
  const startedMs = clock.monotonicMs();
  const failingSinceMs = new Map<string, number>();
  const told = new Set<string>();
  const unsettled = (): string[] =>
    services.filter((service) => {
      const { state, failure } = workspace.condition(service);
      if (state === "ready" && !told.has(service)) {
        told.add(service);
        context.progress(`${service} is ready`, told.size, services.length);
      }
      if (!failure) failingSinceMs.delete(service);
      else if (!failingSinceMs.has(service)) failingSinceMs.set(service, clock.monotonicMs());
      if (state === "ready" || state === "stopped") return false;
      if (!failure) return true;
      // What a person has mended meanwhile is still shown until the new attempt has its answer.
      if (!errorCatalogue[failure.code].retryable) return workspace.runtime(service)?.trying === true;
      const failingMs = clock.monotonicMs() - (failingSinceMs.get(service) ?? 0);
      return failingMs < failureSettlesAfterMs;
    });
  while (!context.signal.aborted && unsettled().length > 0) {
    if (clock.monotonicMs() - startedMs >= limitMs) return false;
    await nextChange(engine, workspace, clock, context.signal);
  }
  return !context.signal.aborted;
}
