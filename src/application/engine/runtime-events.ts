import type { Failure } from "#domain/connectivity-error.ts";
import type { ServiceCondition } from "#domain/service-state.ts";
import type { ServiceKey } from "../history/hour-ledger.ts";
import type { Recorder } from "../history/recorder.ts";
import type { Clock } from "../ports/clock.ts";
import type { LocalConnection, RelayOutcome } from "../ports/local-listener.ts";
import type { ProbeResult } from "../ports/probe.ts";
import type { EventLog, LoggedEvent } from "./event-log.ts";

/** What a running service tells. */
export interface RuntimeEvents {
  onCondition(condition: ServiceCondition, before: ServiceCondition): void;
  /** It began to flap: the finding, once until it calms down. */
  onFlapping(finding: Failure): void;
  /** `undefined`: it was refused. */
  onConnectionEnd(outcome: RelayOutcome | undefined, connection: LocalConnection): void;
  /** Something happened to the target. */
  onNews?(news: string): void;
  /** A check ended; the condition may be the same as before. */
  onCheck?(result: ProbeResult, durationMs: number): void;
}

/** What a running service tells, as events and in the history. */
export function runtimeEvents(
  of: ServiceKey,
  { events, recorder, clock }: { readonly events: EventLog; readonly recorder: Recorder; readonly clock: Clock },
): Required<RuntimeEvents> {
  const add = (event: Pick<LoggedEvent, "kind" | "text"> & Partial<LoggedEvent>): void =>
    events.add({ ...of, atMs: clock.nowMs(), ...event });
  return {
    onCondition(condition, before) {
      recorder.condition(of, condition, before);
      add({ kind: "state", ...conditionEvent(condition, before) });
    },
    onNews: (text) => add({ kind: "cluster", text }),
    onFlapping: ({ code, message }) => add({ kind: "health", code, text: message }),
    onCheck: (result, durationMs) => recorder.check(of, result, durationMs),
    onConnectionEnd(outcome, connection) {
      void recorder.connection(of, outcome, connection.client);
      if (outcome === undefined || outcome.ended === "closed") return;
      const { ended, bytesUp, bytesDown } = outcome;
      const carried = bytesUp === undefined ? "" : ` after ${bytesUp} bytes up and ${bytesDown} down`;
      add({ kind: "connection", text: `a connection ended: ${ended.replaceAll("_", " ")}${carried}` });
    },
  };
}

function conditionEvent(
  condition: ServiceCondition,
  before: ServiceCondition,
): Pick<LoggedEvent, "text" | "code" | "untrusted" | "change"> & Partial<Pick<LoggedEvent, "atMs">> {
  const { failure, verified } = condition;
  const text = `${before.state} → ${condition.state}${failure ? `: ${failure.message}` : ""}`;
  return {
    text,
    // Ready from the moment that was proven, so that "since it was last ready" begins with a ready service.
    ...(condition.state === "ready" && verified && { atMs: verified.atMs }),
    change: { from: before.state, to: condition.state },
    ...(failure && { code: failure.code }),
    ...(failure?.untrusted !== undefined && { untrusted: failure.untrusted }),
  };
}
