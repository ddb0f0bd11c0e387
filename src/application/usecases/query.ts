import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isoInZone } from "#domain/time.ts";
import type { EventFilter, EventKind, Found, Page } from "../ports/history-store.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { QueryArgs, QuerySource } from "../surface/use-cases.ts";
import { spanOf } from "./moments.ts";
import { queryLogs } from "./query-logs.ts";
import { connectionRow, cursorId, eventRow, healthRow, metricsRow, type Untrusted } from "./query-rows.ts";
import { requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";

const defaultLimit = 50;
const largestLimit = 200;
const shownUntrusted = 5;

/** What a source answers: its rows newest first, and text from outside that belongs to them. */
interface Answered {
  readonly rows: readonly object[];
  readonly total: number;
  readonly nextId?: number;
  readonly untrusted?: readonly Untrusted[];
}

interface Question {
  readonly deps: UseCaseDependencies;
  readonly filter: EventFilter;
  readonly page: Page;
  readonly timeZone: string | undefined;
}

const kindsBySource: Readonly<Partial<Record<QuerySource, readonly EventKind[]>>> = {
  link_logs: ["link", "state", "health", "cluster", "credentials", "network"],
  audit: ["client", "config"],
};

/** Searches what was recorded, newest first; `next_cursor` goes on to older rows. */
export async function query(deps: UseCaseDependencies, args: QueryArgs, context: CallContext): Promise<Answer> {
  const { client } = context;
  const workspace = await requireWorkspace(deps.engine, client);
  const notes: string[] = [];
  const service = args.service === undefined ? undefined : selectService(workspace, args.service, true, notes);
  const span = spanOf(deps, workspace, service, args, context);
  const filter: EventFilter = { workspace: workspace.path, service, ...span, match: args.match };
  const beforeId = args.cursor === undefined ? undefined : cursorId(args.cursor);
  const page = { beforeId, limit: Math.min(args.limit ?? defaultLimit, largestLimit) };
  if (args.source === "logs") {
    const question = {
      span,
      match: args.match,
      limit: page.limit,
      ...(beforeId !== undefined && { cursor: beforeId }),
    };
    return queryLogs(deps, workspace, service, question, context);
  }
  const {
    rows,
    total,
    nextId,
    untrusted = [],
  } = answer(args.source, {
    deps,
    filter,
    page,
    timeZone: client.hello.timeZone,
  });
  const recordedFrom = deps.recorder.read().recordedFrom(workspace.path);
  return {
    summary: [...notes, summaryOf(args.source, total, service)].join(" "),
    rows,
    total,
    ...(untrusted.length > 0 && {
      untrusted: {
        source: "servers and programs, as events quoted them",
        text: untrusted
          .slice(0, shownUntrusted)
          .map(({ text }) => text)
          .join("\n"),
      },
    }),
    ...(recordedFrom !== undefined && { recorded_from: isoInZone(recordedFrom, client.hello.timeZone) }),
    ...(nextId !== undefined && { next_cursor: String(nextId) }),
    next_steps: [],
  };
}

function answer(source: Exclude<QuerySource, "logs">, question: Question): Answered {
  const { deps, filter, page, timeZone } = question;
  const store = deps.recorder.read();
  switch (source) {
    case "events":
    case "link_logs":
    case "audit": {
      const kinds = kindsBySource[source];
      const found = store.events({ ...filter, ...(kinds && { kinds }) }, page);
      return paged(found, (event) => eventRow(event, timeZone), {
        untrusted: found.rows.flatMap(({ untrusted }) => (untrusted === undefined ? [] : [{ text: untrusted }])),
      });
    }
    case "connections":
      return paged(store.connections(filter, page), (record) => connectionRow(record, timeZone));
    case "health":
    case "metrics": {
      const { sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER, workspace, service } = filter;
      const row = source === "health" ? healthRow : metricsRow;
      const hours = store
        .hours(workspace, Math.floor(sinceMs / hourMs) * hourMs, service)
        .filter(({ hourMs: begin }) => begin <= untilMs)
        .toReversed();
      const from = page.beforeId ?? 0;
      const rows = hours.slice(from, from + page.limit).map((hour) => row(hour, timeZone));
      return { rows, total: hours.length, ...(from + page.limit < hours.length && { nextId: from + page.limit }) };
    }
    case "requests":
      throw new ConnectivityError("not_supported", "requests through routes are not recorded yet", {
        known: ["logs", "events", "link_logs", "health", "connections", "metrics", "audit"],
      });
  }
}

const hourMs = 3_600_000;

function paged<Row extends { readonly id: number }>(
  { rows, total }: Found<Row>,
  show: (row: Row) => object,
  more: Partial<Answered> = {},
): Answered {
  const last = rows.at(-1);
  return { rows: rows.map(show), total, ...(last && total > rows.length && { nextId: last.id }), ...more };
}

const summaryOf = (source: QuerySource, total: number, service: string | undefined): string =>
  `${total} ${source === "health" || source === "metrics" ? `hours of ${source}` : source.replaceAll("_", " ")} found${service === undefined ? "" : ` for ${service}`}.`;
