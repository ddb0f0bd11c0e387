import type { ServiceCondition } from "#domain/service-state.ts";
import type { Clock } from "../ports/clock.ts";
import type { ConnectionRecord, HistoryEvent, HistoryStore, LastReady } from "../ports/history-store.ts";
import type { RelayOutcome } from "../ports/local-listener.ts";
import type { PortOwner } from "../ports/port-owner.ts";
import type { ProbeResult } from "../ports/probe.ts";
import { cleanUntrusted } from "../surface/untrusted.ts";
import { HourLedger, type ServiceKey } from "./hour-ledger.ts";

/** What happened is written together after this: a crash loses no more. */
const writeAfterMs = 1000;
/** Time that a service was ready is added up this often; a longer gap (the machine slept) is not counted as ready. */
const accountEveryMs = 60_000;
const longestSpanMs = 2 * accountEveryMs;
const pruneEveryMs = 3_600_000;
/** Connections of one second that are kept one by one, over all services; the rest are counted only. */
const connectionsPerSecond = 50;
const longestText = 500;
const longestUntrusted = 1000;

const refused = { bytesUp: 0, bytesDown: 0, durationMs: 0, firstByteMs: undefined, ended: "refused" } as const;

interface Standing extends ServiceKey {
  sinceMs: number;
  ready: boolean;
}

/** Writes what happens into the history: together, off the way of connections, and never more than it can keep. */
export class Recorder {
  readonly #store: HistoryStore;
  readonly #clock: Clock;
  readonly #hours = new HourLedger();
  /** Wanted services. */
  readonly #standing = new Map<string, Standing>();
  readonly #lastReady = new Map<string, LastReady>();
  #events: HistoryEvent[] = [];
  #connections: Omit<ConnectionRecord, "id">[] = [];
  #timer: Disposable | undefined;
  #accounts: Disposable | undefined;
  #prunedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(store: HistoryStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The newest event's of the process before. */
  get lastEventId(): number {
    return this.#store.lastEventId();
  }

  event(event: HistoryEvent): void {
    const { untrusted, ...ours } = event;
    this.#events.push({
      ...ours,
      text: ours.text.slice(0, longestText),
      ...(untrusted !== undefined && { untrusted: cleanUntrusted(untrusted, longestUntrusted) }),
    });
    this.#soon();
  }

  /** @param outcome `undefined`: it was refused */
  async connection(
    { workspace, service }: ServiceKey,
    outcome: RelayOutcome | undefined,
    opener: Promise<PortOwner | undefined> | undefined,
  ): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const { bytesUp, bytesDown, durationMs, firstByteMs, ended } = outcome ?? refused;
    this.#hours.add({ workspace, service }, nowMs, {
      connections: 1,
      bytesUp: bytesUp ?? 0,
      bytesDown: bytesDown ?? 0,
    });
    this.#soon();
    if (this.#connections.length >= connectionsPerSecond) return;
    const { pid, program } = (await opener) ?? {};
    this.#connections.push({
      workspace,
      service,
      atMs: Math.round(nowMs - durationMs),
      ...(bytesUp !== undefined && { bytesUp }),
      ...(bytesDown !== undefined && { bytesDown }),
      durationMs: Math.round(durationMs),
      ...(firstByteMs !== undefined && { firstByteMs: Math.round(firstByteMs) }),
      ...(pid !== undefined && { client: { pid, ...(program !== undefined && { program }) } }),
      ended,
    });
    this.#soon();
  }

  check({ workspace, service }: ServiceKey, result: ProbeResult, durationMs: number): void {
    const ms = Math.round(durationMs);
    const atMs = this.#clock.nowMs();
    const of = { workspace, service };
    this.#hours.add(of, atMs, { checks: 1, checksFailed: result.ok ? 0 : 1, checkMsSum: ms, checkMsMax: ms });
    if (result.ok) this.#lastReady.set(keyOf(of), { ...of, atMs, by: result.by });
    this.#soon();
  }

  /** A service's condition, after each change. */
  condition(of: ServiceKey, condition: ServiceCondition, before: ServiceCondition): void {
    const nowMs = this.#clock.nowMs();
    const key = keyOf(of);
    const { workspace, service } = of;
    const standing = this.#standing.get(key);
    if (standing) this.#account(standing, nowMs);
    const ready = condition.state === "ready";
    if (condition.state === "stopped") this.#standing.delete(key);
    else this.#standing.set(key, { workspace, service, sinceMs: nowMs, ready });
    if (before.state === "ready" && !ready && condition.failure) this.#hours.add(of, nowMs, { drops: 1 });
    this.#accounts ??= this.#clock.after(accountEveryMs, () => this.#accountAll());
    this.#soon();
  }

  /** The store, with all that happened so far in it. */
  read(): HistoryStore {
    this.#accountNow();
    this.flush();
    return this.#store;
  }

  /** Writes what is on its way. */
  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    const batch = {
      events: this.#events.splice(0),
      connections: this.#connections.splice(0),
      hours: this.#hours.take(),
      lastReady: [...this.#lastReady.values()],
    };
    this.#lastReady.clear();
    try {
      this.#store.write(batch);
      if (nowMs - this.#prunedMs < pruneEveryMs) return;
      this.#prunedMs = nowMs;
      this.#store.prune(nowMs);
    } catch {
      // A full disk must not end connections: what was to be written is lost, and what comes is tried again.
    }
  }

  close(): void {
    this.#accountNow();
    this.flush();
    this.#closed = true;
    this.#accounts?.[Symbol.dispose]();
  }

  #soon(): void {
    if (!this.#closed) this.#timer ??= this.#clock.after(writeAfterMs, () => this.flush());
  }

  #account(standing: Standing, nowMs: number): void {
    const { sinceMs, ready } = standing;
    standing.sinceMs = nowMs;
    if (nowMs > sinceMs && nowMs - sinceMs <= longestSpanMs) this.#hours.span(standing, sinceMs, nowMs, ready);
  }

  #accountAll(): void {
    this.#accounts = undefined;
    if (this.#standing.size === 0 || this.#closed) return;
    this.#accounts = this.#clock.after(accountEveryMs, () => this.#accountAll());
    this.#accountNow();
    this.flush();
  }

  #accountNow(): void {
    const nowMs = this.#clock.nowMs();
    for (const standing of this.#standing.values()) this.#account(standing, nowMs);
  }
}

const keyOf = ({ workspace, service }: ServiceKey): string => `${service}\n${workspace}`;
