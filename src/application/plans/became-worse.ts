import { startOrder } from "#domain/dependency-order.ts";
import { errorCatalogue, type ErrorCode } from "#domain/error-catalogue.ts";
import type { ServiceState } from "#domain/service-state.ts";
import type { Engine } from "../engine/engine.ts";
import { nextChange } from "../engine/next-change.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Clock } from "../ports/clock.ts";

/** A service that was ready before a change and is not after it. */
export interface Worse {
  readonly service: string;
  readonly before: "ready";
  readonly after: ServiceState;
  readonly code: ErrorCode;
  readonly message: string;
  readonly atMs: number;
}

/** What may come back by itself is given this long. */
const graceMs = 5000;

export interface WatchOver {
  readonly workspace: Workspace;
  /** Services that were ready before. */
  readonly healthy: readonly string[];
  /** Services whose link was made anew. */
  readonly touched: readonly string[];
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** Names of the services that are ready now. */
export const readyNames = (workspace: Workspace): string[] =>
  [...workspace.runtimes()].map(({ spec }) => spec.name).filter((name) => workspace.condition(name).state === "ready");

/** The names with all that depends on them. */
function withDependents(workspace: Workspace, names: readonly string[]): string[] {
  const dependsOn = (name: string): readonly string[] => workspace.declaration(name)?.spec?.dependsOn ?? [];
  return [...workspace.runtimes()]
    .map(({ spec }) => spec.name)
    .filter((name) => startOrder([name], dependsOn).some((needed) => names.includes(needed)));
}

/**
 * Waits until every service that was healthy and was touched (or depends on one that was) is ready again, or has failed
 * for good, or the time is over. Those that are not ready then became worse. A service that is not wanted any more, or
 * not declared, is nobody's loss.
 */
export async function becameWorse(
  { engine, clock }: { readonly engine: Engine; readonly clock: Clock },
  { workspace, healthy, touched, limitMs, signal }: WatchOver,
): Promise<Worse[]> {
  const names = withDependents(workspace, touched).filter((name) => healthy.includes(name));
  const startedMs = clock.monotonicMs();
  const failingSinceMs = new Map<string, number>();
  const missing = (): string[] =>
    names.filter(
      (name) => workspace.isWanted(name) && workspace.declaration(name) !== undefined && !isReady(workspace, name),
    );
  const undecided = (name: string): boolean => {
    const { failure } = workspace.condition(name);
    if (!failure) {
      failingSinceMs.delete(name);
      return true;
    }
    const nowMs = clock.monotonicMs();
    const sinceMs = failingSinceMs.get(name) ?? nowMs;
    failingSinceMs.set(name, sinceMs);
    return errorCatalogue[failure.code].retryable && nowMs - sinceMs < graceMs;
  };
  while (!signal.aborted && clock.monotonicMs() - startedMs < limitMs) {
    const open = missing();
    if (open.length === 0) return [];
    if (!open.some(undecided)) break;
    await nextChange(engine, workspace, clock, signal);
  }
  if (signal.aborted) return [];
  return missing().map((service) => {
    const { state, failure } = workspace.condition(service);
    return {
      service,
      before: "ready",
      after: state,
      code: failure?.code ?? "operation_timed_out",
      message: failure?.message ?? "it did not become ready in time",
      atMs: clock.nowMs(),
    };
  });
}

const isReady = (workspace: Workspace, name: string): boolean => workspace.condition(name).state === "ready";
