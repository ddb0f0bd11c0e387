import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { LogLine } from "../ports/service-logs.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import { untrustedLimit } from "../surface/untrusted.ts";
import type { Span } from "./moments.ts";
import type { UseCaseDependencies } from "./scope.ts";

/** Lines of each container that are looked at. */
const linesLookedAt = 2000;
const readTimeoutMs = 15_000;
/** Room for the fence and what redaction adds. */
const shownCharacters = untrustedLimit - 200;

/**
 * The service's own log, all its pods and the containers before a restart together, by time: the newest lines that fit,
 * oldest first. `next_cursor` goes on to older ones.
 */
export async function queryLogs(
  deps: UseCaseDependencies,
  workspace: Workspace,
  service: string | undefined,
  question: {
    readonly span: Span;
    readonly match?: string | undefined;
    readonly limit: number;
    readonly cursor?: number;
  },
  { client, signal }: CallContext,
): Promise<Answer> {
  const { timeZone } = client.hello;
  const spec = service === undefined ? undefined : workspace.declaration(service)?.spec;
  if (!spec) {
    throw new ConnectivityError("invalid_arguments", "logs are read of one service: say which", {
      argument: "service",
    });
  }
  const { span, match, limit, cursor } = question;
  const late = new AbortController();
  using _deadline = deps.clock.after(readTimeoutMs, () =>
    late.abort(new ConnectivityError("operation_timed_out", `the log was not there within ${readTimeoutMs / 1000} s`)),
  );
  const untilMs =
    cursor === undefined ? span.untilMs : Math.min((cursor - 1) / 1000, span.untilMs ?? Number.MAX_SAFE_INTEGER);
  const query = { sinceMs: span.sinceMs, untilMs, match, lines: linesLookedAt };
  const { streams, lines } = await deps.engine.log(workspace, spec, query, AbortSignal.any([signal, late.signal]));
  const several = new Set(streams.map(({ pod, container }) => `${pod}/${container}`)).size > 1;
  const shown = newestThatFit(
    lines.map((line) => ({ line, text: shownLine(line, several, timeZone) })),
    limit,
  );
  const [oldest] = shown;
  return {
    summary: `${shown.length} of ${lines.length} lines of ${spec.name}${match === undefined ? "" : " that match"}, ${streams.length === 1 ? "one container" : `${streams.length} containers`}.`,
    rows: streams.map(({ previous, ...stream }) => ({ ...stream, ...(previous && { previous: true }) })),
    total: lines.length,
    ...(oldest && {
      untrusted: {
        source: `log of ${spec.name}, ${shown.length} lines`,
        text: shown.map(({ text }) => text).join("\n"),
      },
      recorded_from: isoInZone(lines[0]?.atMs ?? oldest.line.atMs, timeZone),
    }),
    ...(oldest && shown.length < lines.length && { next_cursor: String(Math.round(oldest.line.atMs * 1000)) }),
    next_steps: [],
  };
}

/** Whole lines only: from the newest back as far as they fit. */
function newestThatFit<T extends { readonly text: string }>(lines: readonly T[], limit: number): T[] {
  let room = shownCharacters;
  let first = lines.length;
  while (first > 0 && lines.length - first < limit) {
    room -= (lines[first - 1]?.text.length ?? 0) + 1;
    if (room < 0 && first < lines.length) break;
    first--;
  }
  return lines.slice(first);
}

function shownLine({ atMs, stream, text }: LogLine, several: boolean, timeZone: string | undefined): string {
  const time = isoInZone(atMs, timeZone).slice(11, 19);
  const where = several ? `${stream.pod}/${stream.container}: ` : "";
  return `${time} ${where}${stream.previous ? "(before its restart) " : ""}${text}`;
}
