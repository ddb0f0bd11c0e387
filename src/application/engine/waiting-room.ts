import type { Clock } from "../ports/clock.ts";
import type { LocalConnection } from "../ports/local-listener.ts";

interface Guest {
  readonly connection: LocalConnection;
  readonly timer: Disposable;
}

/**
 * New connections that wait for a healthy target, bounded in number and time. Nothing of them has been read, so nothing
 * is lost or replayed; one that waits too long, or finds the room full, is reset.
 */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #limits: { readonly timeoutMs: number; readonly connections: number };
  readonly #guests = new Map<number, Guest>();

  constructor(clock: Clock, limits: { readonly timeoutMs: number; readonly connections: number }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#guests.size;
  }

  /** Takes a connection in, until `admit` or `turnAway`; resets it when there is no place. `deadlineMs` (monotonic): when it must be out. */
  enter(connection: LocalConnection, deadlineMs = this.#clock.monotonicMs() + this.#limits.timeoutMs): void {
    const remainingMs = deadlineMs - this.#clock.monotonicMs();
    if (this.#guests.size >= this.#limits.connections || remainingMs <= 0) {
      connection.reset();
      return;
    }
    const timer = this.#clock.after(remainingMs, () => {
      if (this.#guests.delete(connection.id)) connection.reset();
    });
    this.#guests.set(connection.id, { connection, timer });
    connection.onGone(() => {
      if (this.#guests.delete(connection.id)) timer[Symbol.dispose]();
    });
  }

  /** Empties the room, in order of arrival. */
  leave(): LocalConnection[] {
    const guests = [...this.#guests.values()];
    this.#guests.clear();
    for (const guest of guests) guest.timer[Symbol.dispose]();
    return guests.map((guest) => guest.connection);
  }

  /** Resets all: nothing will come. */
  turnAway(): void {
    for (const connection of this.leave()) connection.reset();
  }
}
