import type { Failure } from "#domain/connectivity-error.ts";
import type { Fact } from "#domain/diagnosis/fact.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Access } from "./access.ts";
import type { Route } from "./route.ts";

/** About which service, and what is known already: a source asks only what can explain it. */
export interface FactQuestion {
  readonly spec: ServiceSpec;
  readonly access: Access;
  /** At its end everything that still runs is given up. */
  readonly signal: AbortSignal;
  /** What a fresh dial ran into; absent when it went well. */
  readonly failure?: Failure;
  /** All seems well: only what could show that it will not stay so. */
  readonly briefly?: boolean;
  /** The hops before the first server. */
  readonly route?: Route;
}

/** Gathers facts about the way to a service's target, beside the way itself. One for each technology, loaded on first use. */
export interface FactSource {
  /**
   * Tells each fact as soon as it is known, so that what hangs takes nothing from the others; what could not be asked is
   * told as not checked. Changes nothing anywhere. Never rejects; resolves when all is told or the signal fires.
   */
  gather(question: FactQuestion, tell: (fact: Fact) => void): Promise<void>;
}
