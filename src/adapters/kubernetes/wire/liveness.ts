import type { Clock } from "#application/ports/clock.ts";

/** What is known of a server over all connections to it. */
export class SharedLiveness {
  #heardMs = Number.NEGATIVE_INFINITY;
  /** Since when an answer is waited for on any of them. */
  #askedMs: number | undefined;
  readonly #suspicious = new Set<() => void>();

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#askedMs = undefined;
  }

  asked(nowMs: number): void {
    this.#askedMs ??= nowMs;
  }

  get connections(): number {
    return this.#suspicious.size;
  }

  silentMs(nowMs: number): number {
    return nowMs - this.#heardMs;
  }

  /** Whether it was heard lately, or has just been asked. */
  isWell(nowMs: number, withinMs: number): boolean {
    return this.silentMs(nowMs) < withinMs || (this.#askedMs !== undefined && nowMs - this.#askedMs < withinMs / 2);
  }

  /** @param onSuspicion called when it may be away, until disposed */
  join(onSuspicion: () => void): Disposable {
    this.#suspicious.add(onSuspicion);
    return { [Symbol.dispose]: () => void this.#suspicious.delete(onSuspicion) };
  }

  /** It has not answered on one of them: the others need not find that out one after the other. */
  suspect(): void {
    for (const told of [...this.#suspicious]) told();
  }
}

export interface LivenessOptions {
  readonly clock: Clock;
  /** A dead peer is noticed within twice this, by two pings that stayed unanswered. */
  readonly intervalMs: number;
  /** Sends a ping; its answer is told by `heard` as everything that is received. */
  readonly ping: (id: number) => void;
  /** Whether bytes of ours wait for the system. */
  readonly sending: () => boolean;
  /** Whether silence means nothing now: what would be heard is held up by somebody else than the peer. */
  readonly excused: () => boolean;
  /** Nothing is open here: while others to the same server are answered, this one is asked rarely. */
  readonly idle?: () => boolean;
  readonly shared?: SharedLiveness | undefined;
  /** A ping stayed unanswered for `doubtMs`: nothing new belongs here, what is open may be waited for. */
  readonly onDoubt?: () => void;
  readonly onDead: () => void;
}

/** Longer than any way to a cluster takes, shorter than a person waits. */
const doubtMs = 1200;
/** After so much of it the idle connections to a server that is heard nowhere are asked too. */
const suspicionMs = 600;
/** After a sleep or a change of network silence of this length is the end: most connections are dead then. */
const verifyMs = 2000;

const missesAllowed = 2;
/** Looks per interval: with two of them, two unanswered pings fit into two intervals wherever in one the peer dies. */
const looksPerInterval = 2;
/**
 * So many looks in a row may pass over an idle connection whose server is heard elsewhere, fewer where few share the
 * asking: sixty services would else ask twenty times a second. A server that dies is still noticed in two intervals, one
 * idle way that dies alone in four, and by its first use.
 */
const mostPassedOver = 5;
const connectionsPerPass = 4;
/** Looks of many connections meet: each comes this much sooner, or later, than it would alone. */
const soonerShare = 0.1;
const slackShare = 1 / 3;

/** Asks the peer whether it is there, whenever it has been silent for a while. */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  readonly #lookMs: number;
  #heard = true;
  #heardMs: number;
  /**
   * Bytes waited for the system at the last look. Only then does its taking some show that the peer takes them: an empty
   * socket buffer takes what it is given for a dead peer too.
   */
  #busy = false;
  /** Pings since something was heard. */
  #unanswered = 0;
  #passedOver = 0;
  /** Ours are odd. */
  #nextId = 1;
  #lookedMs: number;
  /** Told when the peer is heard. */
  readonly #listening = new Set<() => void>();
  #tick: Disposable;
  #over = false;
  readonly #joined: Disposable | undefined;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#lookMs = options.intervalMs / looksPerInterval;
    this.#lookedMs = options.clock.monotonicMs();
    this.#heardMs = this.#lookedMs;
    this.#tick = this.#next();
    this.#joined = options.shared?.join(() => this.#suspected());
  }

  /** Whether the peer was heard lately. */
  get responsive(): boolean {
    return this.#heard || this.#unanswered < missesAllowed;
  }

  heard(): void {
    this.#heard = true;
    this.#heardMs = this.#options.clock.monotonicMs();
    this.#options.shared?.heard(this.#heardMs);
    for (const listener of this.#listening) listener();
  }

  /** Something was sent that is answered at once. After a silence this shows soon whether anybody is there. */
  expect(): void {
    const silentMs = this.#options.clock.monotonicMs() - this.#heardMs;
    if (silentMs < this.#lookMs || this.#listening.size > 0) return;
    void this.#hears(doubtMs).then((answered) => {
      if (answered || this.#options.excused()) return undefined;
      this.#options.onDoubt?.();
      return this.verify();
    });
  }

  /** Asks at once; the end when nothing is heard soon. Resolves when that is known. */
  async verify(): Promise<void> {
    if (this.#over) return;
    this.#ask();
    const answered = await this.#hears(verifyMs);
    if (!answered && !this.#options.excused()) this.#options.onDead();
  }

  /** The system took bytes of ours. */
  sent(): void {
    if (this.#busy) this.#heard = true;
  }

  [Symbol.dispose](): void {
    this.#over = true;
    this.#tick[Symbol.dispose]();
    this.#joined?.[Symbol.dispose]();
    for (const listener of this.#listening) listener();
  }

  #ask(): void {
    this.#options.ping(this.#nextId);
    this.#options.shared?.asked(this.#options.clock.monotonicMs());
    // Ids are 32 bits and stay odd.
    this.#nextId = (this.#nextId + 2) % 0x1_0000_0000;
  }

  /** Whether anything is heard in time; true as well when nobody cares any more. */
  #hears(withinMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (answered: boolean): void => {
        this.#listening.delete(listener);
        late[Symbol.dispose]();
        resolve(answered);
      };
      const listener = (): void => settle(true);
      const late = this.#options.clock.after(withinMs, () => settle(false));
      this.#listening.add(listener);
    });
  }

  async #doubt(): Promise<void> {
    const { clock, shared, excused, onDoubt } = this.#options;
    if (this.#listening.size > 0 || (await this.#hears(suspicionMs))) return;
    const waiting = this.#hears(doubtMs - suspicionMs);
    if (shared !== undefined && shared.silentMs(clock.monotonicMs()) >= suspicionMs) shared.suspect();
    if (!(await waiting) && !excused()) onDoubt?.();
  }

  /** Another connection waits for the server in vain. One that is used asks by itself. */
  #suspected(): void {
    if (this.#listening.size > 0 || this.#options.idle?.() !== true) return;
    this.#unanswered++;
    this.#ask();
    void this.#doubt();
  }

  #next(): Disposable {
    const { clock } = this.#options;
    return clock.after(this.#lookMs * (1 - soonerShare), () => this.#look(), this.#lookMs * slackShare);
  }

  #look(): void {
    const { clock, intervalMs, excused, sending, onDead } = this.#options;
    const now = clock.monotonicMs();
    // We slept. What came meanwhile has not been read yet, and whether the peer is still there is urgent: one ping decides.
    const slept = now - this.#lookedMs > this.#lookMs + intervalMs;
    this.#lookedMs = now;
    if (slept) this.#unanswered = missesAllowed - 1;
    else if (this.#heard || excused()) this.#unanswered = 0;
    else if (this.#unanswered >= missesAllowed) return onDead();
    // Before our own ping, which the system takes in any case.
    this.#busy = sending();
    if (!slept && this.#passesOver(now)) this.#passedOver++;
    else if (!this.#heard || slept || this.#isFirstToMiss(now)) {
      this.#passedOver = 0;
      this.#unanswered++;
      this.#ask();
      void this.#doubt();
    }
    this.#heard = false;
    this.#tick = this.#next();
  }

  /** It was heard since the last look, but nobody was a moment ago: whoever looks now asks for all. */
  #isFirstToMiss(nowMs: number): boolean {
    const { shared } = this.#options;
    return shared !== undefined && !shared.isWell(nowMs, this.#lookMs / 2);
  }

  #passesOver(nowMs: number): boolean {
    const { idle, shared } = this.#options;
    if (this.#heard) this.#passedOver = 0;
    if (shared === undefined || this.#heard || this.#unanswered > 0 || idle?.() !== true) return false;
    const most = Math.min(mostPassedOver, Math.floor(shared.connections / connectionsPerPass));
    return this.#passedOver < most && shared.isWell(nowMs, this.#lookMs);
  }
}
