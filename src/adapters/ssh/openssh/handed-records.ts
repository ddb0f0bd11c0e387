import type { ChannelFollower } from "./channels.ts";
import type { OpenFailure } from "./log-lines.ts";

/** Why a channel was refused. */
export interface Refusal {
  readonly reason: OpenFailure;
  readonly text: string;
}

/** What the log said of one channel before we knew whose it is. */
interface Record {
  readonly target: string;
  confirmed: boolean;
  readonly told: ((to: ChannelFollower) => void)[];
  to: ChannelFollower | undefined;
}

/**
 * Joins two accounts of the sockets that were handed over: the log, which tells by the number of the channel what happens
 * to it, and the control connections, by which we learn whose that number is. Either may be read first; a number that is
 * used again comes in the same order in both.
 */
export class HandedRecords {
  /** By channel: what nobody asked for yet. */
  readonly #records = new Map<number, Record[]>();
  /** By channel: who asked before the log was read. */
  readonly #early = new Map<number, ChannelFollower[]>();
  /** By target. */
  readonly #refusals = new Map<string, Refusal[]>();
  readonly #awaiting = new Map<string, ((refusal: Refusal) => void)[]>();

  /** The log tells of a new channel; what it tells further goes to the follower that is returned. */
  begin(channel: number, target: string): ChannelFollower {
    const record: Record = { target, confirmed: false, told: [], to: undefined };
    const early = this.#early.get(channel);
    const follower = early?.shift();
    if (early?.length === 0) this.#early.delete(channel);
    if (follower) record.to = follower;
    else add(this.#records, channel, record);
    const tell = (what: (to: ChannelFollower) => void): void => {
      if (record.to) what(record.to);
      else record.told.push(what);
    };
    return {
      confirmed: () => (record.confirmed = true),
      refused: (reason, text) => {
        remove(this.#records, channel, record);
        const waiting = shift(this.#awaiting, target);
        if (waiting) waiting({ reason, text });
        else add(this.#refusals, target, { reason, text });
      },
      eof: () => tell((to) => to.eof()),
      outputShut: () => tell((to) => to.outputShut()),
      closed: () => tell((to) => to.closed()),
      freed: () => tell((to) => to.freed()),
    };
  }

  /** OpenSSH said that this channel is ours: the follower hears all of it. */
  adopt(channel: number, follower: ChannelFollower): void {
    const record = shift(this.#records, channel);
    if (!record) return add(this.#early, channel, follower);
    record.to = follower;
    for (const what of record.told.splice(0)) what(follower);
  }

  /** Whether a channel to a target was confirmed of which we do not know yet whose it is. */
  hasUnknown(target: string): boolean {
    return [...this.#records.values()].flat().some((record) => record.confirmed && record.target === target);
  }

  /** Why the channel to a target was refused, for one that was; `undefined` when the log does not tell in time. */
  async refusal(target: string, withinMs: number): Promise<Refusal | undefined> {
    const known = shift(this.#refusals, target);
    if (known) return known;
    const told = Promise.withResolvers<Refusal | undefined>();
    add(this.#awaiting, target, told.resolve);
    const timer = setTimeout(() => {
      remove(this.#awaiting, target, told.resolve);
      told.resolve(undefined);
    }, withinMs);
    const refusal = await told.promise;
    clearTimeout(timer);
    return refusal;
  }
}

function add<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function shift<Key, Value>(lists: Map<Key, Value[]>, key: Key): Value | undefined {
  const list = lists.get(key);
  const value = list?.shift();
  if (list?.length === 0) lists.delete(key);
  return value;
}

function remove<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const rest = (lists.get(key) ?? []).filter((other) => other !== value);
  if (rest.length > 0) lists.set(key, rest);
  else lists.delete(key);
}
