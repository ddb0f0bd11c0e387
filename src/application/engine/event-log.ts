import type { ErrorCode } from "#domain/error-catalogue.ts";

/** One thing that happened to a service, for `query`, `wait_for` and the timeline. */
export interface LoggedEvent {
  /** Grows by one; a cursor. */
  readonly id: number;
  readonly atMs: number;
  readonly workspace: string;
  readonly service: string;
  readonly kind: "state" | "link" | "health" | "connection" | "client";
  /** Our sentence. */
  readonly text: string;
  readonly code?: ErrorCode;
  /** Text from outside that belongs to it. */
  readonly untrusted?: string;
}

/** Older events fall out at the front; at a few hundred bytes each this stays under a megabyte. */
const capacity = 2000;

/** What happened lately, in a bounded ring; listeners are told of each new one. */
export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  #nextId = 1;

  add(event: Omit<LoggedEvent, "id">): void {
    const logged = { id: this.#nextId++, ...event };
    this.#events.push(logged);
    if (this.#events.length > capacity) this.#events.shift();
    for (const listener of this.#listeners) listener(logged);
  }

  /** Oldest first. */
  all(workspace: string): LoggedEvent[] {
    return this.#events.filter((event) => event.workspace === workspace);
  }

  onEvent(listener: (event: LoggedEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}
