import type { Failure } from "#domain/connectivity-error.ts";
import { afterDrop, flappingFinding, steady } from "#domain/flapping.ts";
import { following, sameCondition, type ServiceCondition } from "#domain/service-state.ts";
import type { Clock } from "../ports/clock.ts";
import type { RuntimeEvents } from "./runtime-events.ts";

export interface ConditionRecordDependencies extends Pick<RuntimeEvents, "onCondition" | "onFlapping"> {
  readonly clock: Clock;
}

/** What a service shows, and how steady that was: tells of each change, and of the moment from which it flaps. */
export class ConditionRecord {
  readonly #deps: ConditionRecordDependencies;
  #now: ServiceCondition = { state: "stopped" };
  #steadiness = steady;

  constructor(deps: ConditionRecordDependencies) {
    this.#deps = deps;
  }

  get now(): ServiceCondition {
    return this.#now;
  }

  /** The finding that it flaps, with its evidence; it may be ready just now. */
  get flapping(): Failure | undefined {
    return flappingFinding(this.#steadiness, this.#deps.clock.nowMs());
  }

  /** How things stand now, which may be as before. */
  show(condition: ServiceCondition): void {
    const before = this.#now;
    this.#now = following(before, condition);
    if (sameCondition(before, condition)) return;
    this.#deps.onCondition(this.#now, before);
    if (before.state === "ready" && condition.failure) this.#dropped(condition.failure);
  }

  #dropped({ code }: Failure): void {
    const atMs = this.#deps.clock.nowMs();
    const flappedBefore = this.flapping !== undefined;
    this.#steadiness = afterDrop(this.#steadiness, { atMs, code });
    const finding = this.flapping;
    if (finding && !flappedBefore) this.#deps.onFlapping(finding);
  }
}
