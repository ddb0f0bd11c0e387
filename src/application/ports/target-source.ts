import type { FoundTarget, TargetSourceKind, Unreadable } from "#domain/discovery/target.ts";
import type { TargetQuery } from "#domain/discovery/query.ts";
import type { Access } from "./access.ts";

export interface TargetSearch {
  readonly query: TargetQuery | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  /** The folder in which a person works: compose files are looked for there. */
  readonly folder: string;
}

/** A place that is worth naming although nothing in it was asked for. */
export interface FoundPlace {
  readonly context: string;
  readonly current: boolean;
  /** Absent where it was not asked or does not answer. */
  readonly namespaces?: readonly string[];
}

export interface Findings {
  readonly targets: readonly FoundTarget[];
  readonly unreadable: readonly Unreadable[];
  readonly places?: readonly FoundPlace[];
}

/** Finds what can be connected, of one kind. Never throws but the signal's reason: what it cannot read it tells. */
export interface TargetSource {
  readonly kind: TargetSourceKind;
  find(search: TargetSearch, context: { readonly access: Access; readonly signal: AbortSignal }): Promise<Findings>;
}
