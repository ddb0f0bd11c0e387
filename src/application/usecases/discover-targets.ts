import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { RankedTarget } from "#domain/discovery/rank.ts";
import type { Unreadable } from "#domain/discovery/target.ts";
import type { KeptSearches } from "../discovery/kept-searches.ts";
import { searchTargets, type DiscoveryDependencies, type Found } from "../discovery/search-targets.ts";
import { filelessWorkspace } from "../engine/ad-hoc-services.ts";
import type { Access } from "../ports/access.ts";
import type { FoundPlace } from "../ports/target-source.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import { cleanName } from "../surface/untrusted.ts";
import type { DiscoverTargetsArgs } from "../surface/use-cases.ts";

export interface DiscoverDependencies extends DiscoveryDependencies {
  access(workspace: string): Access;
  readonly searches: KeptSearches;
}

const usualLimit = 20;
const maxLimit = 100;
const shownPlaces = 20;
const shownNamespaces = 50;
const shownUnreadable = 10;

/** What can be connected, ranked, in pages. Reads what the account may read, and says what it may not. */
export async function discoverTargets(
  deps: DiscoverDependencies,
  args: DiscoverTargetsArgs,
  { client, signal }: CallContext,
): Promise<Answer> {
  const { query, context, namespace, kind } = args;
  const folder = client.hello.cwd;
  const workspace = client.workspace ?? filelessWorkspace;
  const key = JSON.stringify([workspace, folder, query, context, namespace, kind]);
  const from = args.cursor === undefined ? 0 : readCursor(args.cursor);
  const limit = Math.min(maxLimit, Math.max(1, args.limit ?? usualLimit));
  const known = from === 0 ? undefined : deps.searches.get(key);
  const search = { query, context, namespace, kind, folder };
  const found = known ?? (await searchTargets(deps, search, deps.access(workspace), signal));
  deps.searches.set(key, found);
  const { ranked, unreadable, places } = found;
  const page = ranked.slice(from, from + limit);
  const more = ranked.length > from + limit;
  return {
    summary: summaryOf(args, found, from, page.length),
    targets: page.map(targetRow),
    ...(from === 0 &&
      query === undefined &&
      places.length > 0 && { contexts: places.slice(0, shownPlaces).map(placeRow) }),
    ...(unreadable.length > 0 && { unreadable: unreadable.slice(0, shownUnreadable).map(unreadableRow) }),
    ...(unreadable.length > shownUnreadable && { unreadable_total: unreadable.length }),
    ...(more && { next_cursor: writeCursor(from + limit) }),
    next_steps: nextSteps(args, page, ranked.length),
  };
}

function summaryOf(
  { query }: DiscoverTargetsArgs,
  { ranked, unreadable, places }: Found,
  from: number,
  shown: number,
): string {
  const best = ranked[0]?.target.target;
  const missing =
    unreadable.length === 0
      ? ""
      : ` Not everything could be read: ${unreadable[0]?.what} (${unreadable[0]?.why})${unreadable.length > 1 ? ` and ${unreadable.length - 1} more` : ""}.`;
  const asked = places.filter(({ namespaces }) => namespaces !== undefined).length;
  const where = asked === 0 ? "" : ` in ${asked} ${asked === 1 ? "context" : "contexts"}`;
  if (best === undefined)
    return `${query === undefined ? "Nothing that can be connected was found" : `Nothing fits '${cleanName(query, 100)}'`}${where}.${missing}`;
  const fits = query === undefined ? "can be connected" : `fit '${cleanName(query, 100)}'`;
  const part = shown === ranked.length ? "" : ` Shown: ${from + 1} to ${from + shown}.`;
  return `${ranked.length} ${ranked.length === 1 ? "target" : "targets"} ${fits}${where}; ${query === undefined ? "first" : "best"}: ${best}.${part}${missing}`;
}

/** One target in an answer; `target` is what `connect` takes. */
export function targetRow({ target, why }: RankedTarget): Record<string, unknown> {
  return {
    target: target.target,
    kind: target.kind,
    ...(target.protocol !== undefined && { protocol: target.protocol }),
    ...(target.portName !== undefined && { port_name: target.portName }),
    ...(target.pods !== undefined && { pods_ready: target.pods }),
    ...(target.detail !== undefined && target.detail),
    why,
  };
}

const placeRow = ({ context, current, namespaces }: FoundPlace): Record<string, unknown> => ({
  context: cleanName(context, 200),
  ...(current && { current }),
  ...(namespaces && { namespaces: namespaces.slice(0, shownNamespaces) }),
  ...(namespaces && namespaces.length > shownNamespaces && { namespaces_total: namespaces.length }),
});

/** What could not be read, with the other side's words fenced. */
export const unreadableRow = ({ what, code, why, untrusted }: Unreadable): Record<string, unknown> => ({
  what: cleanName(what, 200),
  code,
  why,
  ...(untrusted !== undefined && { untrusted: { source: "the other side", text: untrusted } }),
});

function nextSteps({ query }: DiscoverTargetsArgs, page: readonly RankedTarget[], total: number): NextStep[] {
  const best = page.find(({ target }) => target.port !== undefined);
  if (best === undefined || (query === undefined && total > 1)) return [];
  return [{ tool: "connect", arguments: { target: best.target.target }, why: `fits best, by its ${best.why}` }];
}

const writeCursor = (offset: number): string => Buffer.from(`o${offset}`).toString("base64url");

function readCursor(cursor: string): number {
  const offset = /^o(\d{1,6})$/.exec(Buffer.from(cursor, "base64url").toString("latin1"))?.[1];
  if (offset !== undefined) return Number(offset);
  throw new ConnectivityError("invalid_arguments", "cursor is none that an earlier answer gave", {
    argument: "cursor",
  });
}
