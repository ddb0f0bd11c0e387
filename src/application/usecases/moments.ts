import { ConnectivityError } from "#domain/connectivity-error.ts";
import { parseMoment } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

const aroundMs = 60_000;

/** Times as a tool takes them: ISO, a clock time of the client, an age, or `last_ready`. */
export interface MomentArgs {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** A minute before and after it. */
  readonly around?: string | undefined;
}

/** Epoch milliseconds; an absent end does not restrict. */
export interface Span {
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

/** @throws ConnectivityError `invalid_arguments` for what is no time, and for `last_ready` where there was none */
export function spanOf(
  deps: UseCaseDependencies,
  workspace: Workspace,
  service: string | undefined,
  args: MomentArgs,
  { client }: CallContext,
): Span {
  const moment = (name: keyof MomentArgs): number | undefined => {
    const text = args[name];
    if (text === undefined) return undefined;
    if (text === "last_ready") return lastReadyOf(deps, workspace, service, name);
    const atMs = parseMoment(text, deps.clock.nowMs(), client.hello.timeZone);
    if (atMs !== undefined) return atMs;
    throw new ConnectivityError("invalid_arguments", `${name} is not a time: write ISO, 10:02, 1h or last_ready`, {
      argument: name,
    });
  };
  const around = moment("around");
  return {
    sinceMs: moment("since") ?? (around === undefined ? undefined : around - aroundMs),
    untilMs: moment("until") ?? (around === undefined ? undefined : around + aroundMs),
  };
}

/** Of a service; without one, of the one in the workspace that was ready longest ago and is not now. */
function lastReadyOf(
  deps: UseCaseDependencies,
  workspace: Workspace,
  service: string | undefined,
  argument: string,
): number {
  const at = (name: string): number | undefined => lastReady(deps, workspace, name)?.atMs;
  const broken = workspace.wantedNames("declared").filter((name) => workspace.condition(name).state !== "ready");
  const known = service === undefined ? broken.flatMap((name) => at(name) ?? []) : [at(service) ?? []].flat();
  if (known.length > 0) return Math.min(...known);
  const why = service === undefined ? "nothing that was ready before is broken now" : `${service} was never seen ready`;
  throw new ConnectivityError("invalid_arguments", `${why}: give ${argument} as a time`, { argument });
}

/** When a service was last ready and by what: of this process, else of an earlier one. */
export function lastReady(
  { recorder }: UseCaseDependencies,
  workspace: Workspace,
  service: string,
): { readonly atMs: number; readonly by: string } | undefined {
  return workspace.condition(service).verified ?? recorder.read().lastReady(workspace.path, service);
}
