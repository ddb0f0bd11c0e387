import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isoInZone, parseMoment } from "#domain/time.ts";
import type { LoggedEvent } from "../engine/event-log.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { QueryArgs, QuerySource } from "../surface/use-cases.ts";
import { requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";

const defaultLimit = 50;
const largestLimit = 200;
const aroundMs = 60_000;

/** Which events of the ring each source is about; the others are not recorded yet. */
const kindsBySource: Readonly<Partial<Record<QuerySource, readonly LoggedEvent["kind"][]>>> = {
  events: ["state", "link", "health", "connection", "client"],
  link_logs: ["link", "state", "health"],
  health: ["health", "state"],
  connections: ["connection"],
};

/** Searches what was recorded, newest first; `next_cursor` goes on to older rows. */
export async function query(
  { engine, clock }: UseCaseDependencies,
  args: QueryArgs,
  { client }: CallContext,
): Promise<Answer> {
  const workspace = await requireWorkspace(engine, client);
  const kinds = kindsBySource[args.source];
  if (!kinds) {
    throw new ConnectivityError(
      "not_supported",
      `${args.source} are not recorded yet; there are: ${Object.keys(kindsBySource).join(", ")}`,
      {
        known: Object.keys(kindsBySource),
      },
    );
  }
  const notes: string[] = [];
  const service = args.service === undefined ? undefined : selectService(workspace, args.service, true, notes);
  const moment = (name: "since" | "until" | "around"): number | undefined =>
    momentOf(args[name], name, clock.nowMs(), client.hello.timeZone, workspace, service);
  const around = moment("around");
  const since = moment("since") ?? (around === undefined ? undefined : around - aroundMs);
  const until = moment("until") ?? (around === undefined ? undefined : around + aroundMs);
  const before = args.cursor === undefined ? undefined : cursorId(args.cursor);
  const text = args.match?.toLowerCase();
  const recorded = engine.events.all(workspace.path);
  const found = recorded
    .filter((event) => kinds.includes(event.kind))
    .filter((event) => service === undefined || event.service === service)
    .filter((event) => (since === undefined || event.atMs >= since) && (until === undefined || event.atMs <= until))
    .filter((event) => text === undefined || event.text.toLowerCase().includes(text) || event.code === text)
    .toReversed();
  const page = found
    .filter((event) => before === undefined || event.id < before)
    .slice(0, Math.min(args.limit ?? defaultLimit, largestLimit));
  const last = page.at(-1);
  const more = last !== undefined && found.some((event) => event.id < last.id);
  const outside = page.filter((event) => event.untrusted !== undefined).slice(0, 5);
  const [oldest] = recorded;
  return {
    summary: [
      ...notes,
      `${found.length} ${args.source.replaceAll("_", " ")} found${service === undefined ? "" : ` for ${service}`}.`,
    ].join(" "),
    rows: page.map((event) => row(event, client.hello.timeZone)),
    total: found.length,
    ...(outside.length > 0 && {
      untrusted: {
        source: "servers and programs, as events quoted them",
        text: outside.map((event) => event.untrusted).join("\n"),
      },
    }),
    ...(oldest && { recorded_from: isoInZone(oldest.atMs, client.hello.timeZone) }),
    ...(more && { next_cursor: String(last.id) }),
    next_steps: [],
  };
}

const row = ({ atMs, service, kind, text, code }: LoggedEvent, timeZone: string | undefined): object => ({
  at: isoInZone(atMs, timeZone),
  service,
  kind,
  text,
  ...(code && { code }),
});

function momentOf(
  text: string | undefined,
  name: string,
  nowMs: number,
  timeZone: string | undefined,
  workspace: Workspace,
  service: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  if (text === "last_ready") {
    const verified = service === undefined ? undefined : workspace.condition(service).verified;
    if (verified) return verified.atMs;
    const why = service === undefined ? "last_ready needs a service" : `${service} was not ready since the daemon runs`;
    throw new ConnectivityError("invalid_arguments", `${why}: give ${name} as a time`, { argument: name });
  }
  const atMs = parseMoment(text, nowMs, timeZone);
  if (atMs !== undefined) return atMs;
  throw new ConnectivityError("invalid_arguments", `${name} is not a time: write ISO, 10:02, 1h or last_ready`, {
    argument: name,
  });
}

function cursorId(cursor: string): number {
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new ConnectivityError("invalid_arguments", "cursor is not one of ours: take next_cursor of the last answer", {
    argument: "cursor",
  });
}
