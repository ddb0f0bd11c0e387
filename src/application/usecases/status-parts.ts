import { expiringSoon } from "#domain/expiring.ts";
import { humanDuration, isoInZone } from "#domain/time.ts";
import type { ServiceRuntime } from "../engine/service-runtime.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Expiry } from "../ports/expiry.ts";
import type { HourOfService } from "../ports/history-store.ts";
import type { UseCaseDependencies } from "./scope.ts";

const dayMs = 86_400_000;
/** So many rows of each part are shown. */
const shownRows = 10;
/** A service that was ready for less of the day than this is flaky, also without a drop. */
const steadyPercent = 99.5;
/** Before this long, the time of the start weighs too much. */
const judgedAfterMs = 600_000;

/** A service's last 24 hours. */
interface Day {
  readonly drops: number;
  readonly readyMs: number;
  readonly wantedMs: number;
  readonly checks: number;
  readonly checksFailed: number;
}

/** The last 24 hours of each service that was wanted in them. */
export function lastDay({ recorder, clock }: UseCaseDependencies, workspace: Workspace): Map<string, Day> {
  const days = new Map<string, Day>();
  for (const hour of recorder.read().hours(workspace.path, clock.nowMs() - dayMs)) {
    days.set(hour.service, added(days.get(hour.service), hour));
  }
  return days;
}

const added = (day: Day | undefined, hour: HourOfService): Day => ({
  drops: (day?.drops ?? 0) + hour.drops,
  readyMs: (day?.readyMs ?? 0) + hour.readyMs,
  wantedMs: (day?.wantedMs ?? 0) + hour.wantedMs,
  checks: (day?.checks ?? 0) + hour.checks,
  checksFailed: (day?.checksFailed ?? 0) + hour.checksFailed,
});

/** Services that dropped, most drops first: "which are flaky?". */
export function flakyServices(deps: UseCaseDependencies, workspace: Workspace): object[] {
  return [...lastDay(deps, workspace)]
    .map(([service, day]) => ({
      service,
      ...day,
      percent: day.wantedMs > 0 ? (100 * day.readyMs) / day.wantedMs : 100,
    }))
    .filter(({ drops, percent, wantedMs }) => drops > 0 || (wantedMs > judgedAfterMs && percent < steadyPercent))
    .toSorted((left, right) => right.drops - left.drops || left.percent - right.percent)
    .slice(0, shownRows)
    .map(({ service, drops, percent, wantedMs, checks, checksFailed }) => ({
      service,
      drops_24h: drops,
      ready_percent: Math.round(percent * 10) / 10,
      wanted: humanDuration(wantedMs),
      ...(checks > 0 && { checks_failed: `${checksFailed} of ${checks}` }),
      ...flapping(workspace, service),
    }));
}

function flapping(workspace: Workspace, service: string): object {
  const finding = workspace.runtime(service)?.flapping;
  return finding === undefined ? {} : { flapping: finding.message };
}

/** What a service's way rests on and ends at a known time: credentials of the transport, the target's certificate. */
function expiriesOf({ spec, transport, seen }: ServiceRuntime): readonly Expiry[] {
  const notAfterMs = seen?.["not_after_ms"];
  const certificate = { what: `TLS certificate of ${spec.name}`, atMs: Number(notAfterMs) };
  return [...(transport?.expiries?.() ?? []), ...(typeof notAfterMs === "number" ? [certificate] : [])];
}

/** Credentials and certificates of what runs that have ended or end within 30 days, soonest first. */
export function expiring({ clock }: UseCaseDependencies, workspace: Workspace, timeZone: string | undefined): object[] {
  const nowMs = clock.nowMs();
  const found = [...workspace.runtimes()].flatMap((runtime) =>
    expiriesOf(runtime).map((expiry) => ({ ...expiry, service: runtime.spec.name })),
  );
  return expiringSoon(found, nowMs)
    .slice(0, shownRows)
    .map(({ what, atMs, renew, services }) => ({
      what,
      services: services.length <= 3 ? services : services.length,
      ...(atMs > nowMs ? { in: humanDuration(atMs - nowMs) } : { expired: `${humanDuration(nowMs - atMs)} ago` }),
      at: isoInZone(atMs, timeZone),
      ...(renew !== undefined && { renew }),
    }));
}
