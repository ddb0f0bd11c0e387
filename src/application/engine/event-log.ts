import type { HistoryEvent } from "../ports/history-store.ts";

/** One thing that happened, for `wait_for` and whoever listens; the history keeps it. */
export type LoggedEvent = HistoryEvent;

/** Older events fall out at the front; at a few hundred bytes each this stays under a megabyte. */
const capacity = 2000;
/** Connections may end in great numbers: they have a ring of their own, and push nothing else out. */
const connectionCapacity = 500;

/** What happened lately, in bounded rings; listeners are told of each new one. */
export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #connections: LoggedEvent[] = [];
  readonly #listeners = new Set<(event: LoggedEvent) => void>();
  #lastId: number;

  /** @param lastId the newest event's of the process before */
  constructor(lastId = 0) {
    this.#lastId = lastId;
  }

  /** The newest event's; 0 when there was none. */
  get lastId(): number {
    return this.#lastId;
  }

  add(event: Omit<LoggedEvent, "id">): void {
    const logged = { id: ++this.#lastId, ...event };
    const isConnection = event.kind === "connection";
    const ring = isConnection ? this.#connections : this.#events;
    ring.push(logged);
    if (ring.length > (isConnection ? connectionCapacity : capacity)) ring.shift();
    for (const listener of this.#listeners) listener(logged);
  }

  /** Oldest first. */
  all(workspace: string): LoggedEvent[] {
    return [...this.#events, ...this.#connections]
      .filter((event) => event.workspace === workspace)
      .toSorted((left, right) => left.id - right.id);
  }

  onEvent(listener: (event: LoggedEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }
}
