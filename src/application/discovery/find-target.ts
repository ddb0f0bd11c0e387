import { ConnectivityError } from "#domain/connectivity-error.ts";
import { handleText, isPortName, parseHandle, type TargetHandle } from "#domain/discovery/handle.ts";
import { guessProtocol, knownProtocols, type KnownProtocol } from "#domain/discovery/protocols.ts";
import { clearMatch, distinctTargets, type RankedTarget } from "#domain/discovery/rank.ts";
import type { Unreadable } from "#domain/discovery/target.ts";
import type { Access } from "../ports/access.ts";
import type { ConnectArgs } from "../surface/use-cases.ts";
import { cleanName } from "../surface/untrusted.ts";
import { searchTargets, type DiscoveryDependencies } from "./search-targets.ts";

/** What a person meant: one target with its port, or several that it may be. */
export type Meant =
  | {
      readonly kind: "one";
      readonly handle: TargetHandle;
      readonly port: number | string;
      readonly protocol: KnownProtocol | undefined;
      /** How it was found; absent: it was named as it is. */
      readonly match?: RankedTarget;
    }
  | {
      readonly kind: "several";
      readonly candidates: readonly RankedTarget[];
      readonly unreadable: readonly Unreadable[];
    };

/** Beyond them a person is asked to say more. */
const maxCandidates = 8;

/**
 * Finds out which target is meant: one that is named as `discover_targets` names it, else by searching.
 * @throws ConnectivityError `target_not_found` (facts: what could not be read), `invalid_arguments` (a port is missing)
 */
export async function findTarget(
  deps: DiscoveryDependencies,
  args: ConnectArgs,
  folder: string,
  access: Access,
  signal: AbortSignal,
): Promise<Meant> {
  const port = readPort(args.port);
  const handle = parseHandle(args.target.trim());
  const named = port ?? handle?.port;
  if (handle !== undefined && named !== undefined) {
    // What runs there may tell more than its name and port do.
    const protocol =
      protocolOf(handle, named) ?? (await protocolFound(deps, args, handle, named, folder, access, signal));
    return { kind: "one", handle, port: named, protocol };
  }
  if (handle?.kind === "ssh")
    throw new ConnectivityError("invalid_arguments", `which port of ${handle.host}? give it as port`, {
      argument: "port",
    });
  const found = await search(deps, args, handle, folder, access, signal);
  const fitting = found.ranked.filter(
    ({ target }) => port === undefined || target.port === port || target.portName === port,
  );
  const withoutPort = found.ranked.filter(({ target }) => target.port === undefined);
  const candidates = distinctTargets(fitting.length > 0 ? fitting : withoutPort);
  const best = clearMatch(candidates) ?? (handle !== undefined && candidates.length === 1 ? candidates[0] : undefined);
  if (best === undefined && candidates.length === 0) throw notFound(args, found.unreadable);
  const bestPort = port ?? best?.target.port;
  if (best === undefined || bestPort === undefined) {
    if (best !== undefined || candidates.every(({ target }) => target.port === undefined && port === undefined))
      if (candidates.length === 1)
        throw new ConnectivityError(
          "invalid_arguments",
          `which port of ${candidates[0]?.target.target}? give it as port`,
          {
            argument: "port",
          },
        );
    return { kind: "several", candidates: candidates.slice(0, maxCandidates), unreadable: found.unreadable };
  }
  const meant = parseHandle(best.target.target);
  if (meant === undefined) throw notFound(args, found.unreadable);
  const protocol = knownProtocols.find(({ name }) => name === best.target.protocol) ?? protocolOf(meant, bestPort);
  return { kind: "one", handle: meant, port: bestPort, protocol, match: best };
}

/** A target without its port is looked up to find out which it has; words are searched for. */
async function search(
  deps: DiscoveryDependencies,
  args: ConnectArgs,
  handle: TargetHandle | undefined,
  folder: string,
  access: Access,
  signal: AbortSignal,
): ReturnType<typeof searchTargets> {
  const { context, namespace } = args;
  if (handle === undefined)
    return searchTargets(deps, { query: args.target, context, namespace, folder }, access, signal);
  const place =
    handle.kind === "kubernetes" ? { context: handle.context, namespace: handle.namespace } : { kind: handle.kind };
  const found = await searchTargets(deps, { ...place, folder }, access, signal);
  const object = handle.kind === "local" ? handleText(handle) : handleText({ ...handle, port: undefined });
  return { ...found, ranked: found.ranked.filter(({ target }) => target.object === object) };
}

async function protocolFound(
  deps: DiscoveryDependencies,
  args: ConnectArgs,
  handle: TargetHandle,
  port: number | string,
  folder: string,
  access: Access,
  signal: AbortSignal,
): Promise<KnownProtocol | undefined> {
  if (handle.kind === "ssh") return undefined;
  const { ranked } = await search(deps, args, handle, folder, access, signal);
  const found = ranked.find(({ target }) => target.port === port || target.portName === port);
  return knownProtocols.find(({ name }) => name === found?.target.protocol);
}

function readPort(port: number | string | undefined): number | string | undefined {
  if (typeof port !== "string") return port;
  if (/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) return Number(port);
  if (isPortName(port) && /[a-z]/.test(port)) return port;
  throw new ConnectivityError("invalid_arguments", "port is neither a number from 1 to 65535 nor the name of a port", {
    argument: "port",
  });
}

function protocolOf(handle: TargetHandle, port: number | string): KnownProtocol | undefined {
  const words =
    handle.kind === "kubernetes" ? [handle.resourceName] : handle.kind === "compose" ? [handle.service] : [];
  return guessProtocol(typeof port === "number" ? { port, words } : { portName: port, words });
}

function notFound({ target }: ConnectArgs, unreadable: readonly Unreadable[]): ConnectivityError {
  const first = unreadable[0];
  return new ConnectivityError(
    "target_not_found",
    `nothing that can be connected fits '${cleanName(target, 100)}'`,
    unreadable.length === 0
      ? {}
      : { unreadable: unreadable.slice(0, 10).map(({ what, why }) => `${cleanName(what, 120)}: ${why}`) },
    first?.untrusted === undefined ? {} : { untrusted: first.untrusted },
  );
}
