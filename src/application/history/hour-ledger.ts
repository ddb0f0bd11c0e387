import type { HourOfService } from "../ports/history-store.ts";

/** One service of one workspace. */
export interface ServiceKey {
  readonly workspace: string;
  readonly service: string;
}

type Counts = Omit<HourOfService, keyof ServiceKey | "hourMs">;

const hourMs = 3_600_000;
const nothing: Counts = {
  wantedMs: 0,
  readyMs: 0,
  drops: 0,
  checks: 0,
  checksFailed: 0,
  checkMsSum: 0,
  checkMsMax: 0,
  connections: 0,
  bytesUp: 0,
  bytesDown: 0,
};

/** Adds up what happens to services by the hour, until it is taken to be written. */
export class HourLedger {
  readonly #hours = new Map<string, HourOfService>();

  /** Adds counts to the hour of a moment; of `checkMsMax` the larger stays. */
  add({ workspace, service }: ServiceKey, atMs: number, counts: Partial<Counts>): void {
    const begin = Math.floor(atMs / hourMs) * hourMs;
    const key = `${begin}\n${service}\n${workspace}`;
    const before = this.#hours.get(key) ?? { workspace, service, hourMs: begin, ...nothing };
    const sums = Object.entries(counts).map(([name, value]) => [name, before[name as keyof Counts] + value]);
    const checkMsMax = Math.max(before.checkMsMax, counts.checkMsMax ?? 0);
    this.#hours.set(key, { ...before, ...(Object.fromEntries(sums) as Partial<Counts>), checkMsMax });
  }

  /** Adds a time that a service was wanted, and perhaps ready, to the hours that it touches. */
  span(of: ServiceKey, fromMs: number, toMs: number, ready: boolean): void {
    for (let at = fromMs; at < toMs;) {
      const end = Math.min(toMs, (Math.floor(at / hourMs) + 1) * hourMs);
      this.add(of, at, { wantedMs: end - at, readyMs: ready ? end - at : 0 });
      at = end;
    }
  }

  take(): HourOfService[] {
    const hours = [...this.#hours.values()];
    this.#hours.clear();
    return hours;
  }
}
