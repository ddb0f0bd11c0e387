import { HandedRecords } from "./handed-records.ts";
import type { ChannelEvent, OpenFailure } from "./log-lines.ts";

/** What happens to one channel, as the log tells it. */
export interface ChannelFollower {
  confirmed(): void;
  refused(reason: OpenFailure, text: string): void;
  /** The target ended its output. */
  eof(): void;
  /** OpenSSH writes no more to the local end. */
  outputShut(): void;
  /** The server closed the channel. */
  closed(): void;
  /** It is no more. */
  freed(): void;
}

/**
 * Tells which channel belongs to which of our connections: OpenSSH takes the connections to a local socket in the order
 * in which they were made, and says for each where it leads and which channel it becomes. Of a socket that was handed
 * over it tells us the channel itself.
 */
export class Channels {
  /** Those of sockets that were handed over. */
  readonly handed = new HandedRecords();
  /** By target: those whose channel is not known yet. */
  readonly #waiting = new Map<string, ChannelFollower[]>();
  readonly #followed = new Map<number, ChannelFollower>();
  /** The target of the connection that was just taken. */
  #requested: string | undefined;
  #handedTo = "";

  /** Call it in the order in which the connections are made. @param target as `targetKey` names it */
  expect(target: string, follower: ChannelFollower): void {
    const waiting = this.#waiting.get(target);
    if (waiting) waiting.push(follower);
    else this.#waiting.set(target, [follower]);
  }

  take(event: ChannelEvent): void {
    if (event.kind === "requested") this.#requested = event.target;
    else if (event.kind === "handed_to") this.#handedTo = event.target;
    else if (event.kind === "new") {
      const waiting = this.#waiting.get(this.#requested ?? "");
      this.#requested = undefined;
      this.#follow(event.channel, waiting?.shift());
    } else if (event.kind === "new_handed") {
      this.#follow(event.channel, this.handed.begin(event.channel, this.#handedTo));
    } else this.#tell(event);
  }

  #follow(channel: number, follower: ChannelFollower | undefined): void {
    if (follower) this.#followed.set(channel, follower);
    else this.#followed.delete(channel);
  }

  #tell(event: Exclude<ChannelEvent, { kind: "requested" | "new" | "handed_to" | "new_handed" }>): void {
    const follower = this.#followed.get(event.channel);
    if (!follower) return;
    switch (event.kind) {
      case "confirmed":
        return follower.confirmed();
      case "eof":
        return follower.eof();
      case "output_shut":
        return follower.outputShut();
      case "closed":
        return follower.closed();
      case "refused":
        this.#followed.delete(event.channel);
        return follower.refused(event.reason, event.text);
      case "freed":
        this.#followed.delete(event.channel);
        return follower.freed();
    }
  }
}
