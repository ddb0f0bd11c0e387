import type { ChannelEvent, OpenFailure } from "./log-lines.ts";

/** What happens to one connection to a local socket, as the log tells it. */
export interface ChannelFollower {
  confirmed(): void;
  refused(reason: OpenFailure, text: string): void;
  /** The target ended its output. */
  eof(): void;
  /** The server closed the channel. */
  closed(): void;
}

/**
 * Tells which channel belongs to which of our connections: OpenSSH takes the connections to a local socket in the order
 * in which they were made, and says for each where it leads and which channel it becomes.
 */
export class Channels {
  /** By target: those whose channel is not known yet. */
  readonly #waiting = new Map<string, ChannelFollower[]>();
  readonly #followed = new Map<number, ChannelFollower>();
  /** The target of the connection that was just taken. */
  #requested: string | undefined;

  /** Call it in the order in which the connections are made. @param target as `targetKey` names it */
  expect(target: string, follower: ChannelFollower): void {
    const waiting = this.#waiting.get(target);
    if (waiting) waiting.push(follower);
    else this.#waiting.set(target, [follower]);
  }

  take(event: ChannelEvent): void {
    if (event.kind === "requested") {
      this.#requested = targetKey(event.host, event.port);
      return;
    }
    if (event.kind === "new") {
      const waiting = this.#waiting.get(this.#requested ?? "");
      this.#requested = undefined;
      const follower = waiting?.shift();
      if (follower) this.#followed.set(event.channel, follower);
      else this.#followed.delete(event.channel);
      return;
    }
    const follower = this.#followed.get(event.channel);
    if (!follower) return;
    if (event.kind === "confirmed") follower.confirmed();
    else if (event.kind === "eof") follower.eof();
    else {
      this.#followed.delete(event.channel);
      if (event.kind === "closed") follower.closed();
      else follower.refused(event.reason, event.text);
    }
  }
}

/** A target as OpenSSH's log names it: a Unix socket has the port -2. */
export const targetKey = (host: string, port: number): string => `${host} ${port}`;
