import { toConnectivityError } from "#domain/connectivity-error.ts";
import { parseQuery } from "#domain/discovery/query.ts";
import { rankTargets, type RankedTarget } from "#domain/discovery/rank.ts";
import type { TargetSourceKind, Unreadable } from "#domain/discovery/target.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { Findings, FoundPlace, TargetSource } from "../ports/target-source.ts";

/** What a search has to be answered within: a call may take 25 s. */
const searchWithinMs = 15_000;
/** More are cut off: nobody reads them. */
const maxRanked = 2000;

export interface DiscoveryDependencies {
  readonly clock: Clock;
  /** Loads the sources on first use. */
  readonly sources: () => Promise<readonly TargetSource[]>;
}

export interface Search {
  readonly query?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly kind?: TargetSourceKind | undefined;
  readonly folder: string;
}

export interface Found {
  readonly ranked: readonly RankedTarget[];
  readonly unreadable: readonly Unreadable[];
  readonly places: readonly FoundPlace[];
}

/** Asks all sources at the same time, and ranks what they found. A slow or broken one is told. @throws the signal's reason */
export async function searchTargets(
  { sources, clock }: DiscoveryDependencies,
  { query, context, namespace, kind, folder }: Search,
  access: Access,
  signal: AbortSignal,
): Promise<Found> {
  const asked = query === undefined || query.trim() === "" ? undefined : parseQuery(query);
  const onlyClusters = context !== undefined || namespace !== undefined;
  const wanted = (await sources()).filter(
    (source) => (kind === undefined || source.kind === kind) && (!onlyClusters || source.kind === "kubernetes"),
  );
  const late = new AbortController();
  using _deadline = clock.after(searchWithinMs, () => late.abort());
  const until = AbortSignal.any([signal, late.signal]);
  const looking = { query: asked, context, namespace, folder };
  const found = await Promise.all(wanted.map((source) => findWithin(source, looking, access, until)));
  signal.throwIfAborted();
  return {
    ranked: rankTargets(
      found.flatMap(({ targets }) => targets),
      asked,
    ).slice(0, maxRanked),
    unreadable: found.flatMap(({ unreadable }) => unreadable),
    places: found.flatMap(({ places = [] }) => places),
  };
}

async function findWithin(
  source: TargetSource,
  search: Parameters<TargetSource["find"]>[0],
  access: Access,
  signal: AbortSignal,
): Promise<Findings> {
  const failed = (code: string, why: string): Findings => ({
    targets: [],
    unreadable: [{ what: source.kind, code, why }],
  });
  const gaveUp = new Promise<Findings>((resolve) => {
    const late = (): void => resolve(failed("operation_timed_out", "it did not answer in time"));
    if (signal.aborted) late();
    else signal.addEventListener("abort", late, { once: true });
  });
  const looking = source.find(search, { access, signal }).catch((thrown: unknown) => {
    const { code, message } = toConnectivityError(thrown);
    return failed(code, message);
  });
  return Promise.race([looking, gaveUp]);
}
