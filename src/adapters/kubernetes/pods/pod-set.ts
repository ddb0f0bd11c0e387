import { type ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { pickOrder, type Balance } from "#domain/routing/pick-target.ts";
import type { Candidate } from "../target/target-state.ts";
import type { PodLink } from "../wire/pod-link.ts";
import type { TunnelPool } from "../wire/tunnel-pool.ts";
import { deferred, type Deferred } from "../watch/deferred.ts";
import { PodMember } from "./pod-member.ts";
import { isBetter, podLimits, type PodLimits } from "./pod-policy.ts";
import { RetiredPools, type RetiredPoolsParts } from "./retired-pools.ts";

export interface PodSetParts extends RetiredPoolsParts {
  readonly balance: Balance;
  readonly namespace: string;
  readonly limits?: PodLimits;
  readonly dial: (candidate: Candidate, signal: AbortSignal) => Promise<PodLink>;
  /** The cluster says that the pod goes away, has ended or is not there: it takes no new connections. */
  isLeaving(candidate: Candidate): boolean;
  /** No pod takes connections any more, and none is on its way. */
  onEmpty(cause: ConnectivityError | undefined): void;
}

/**
 * The pods behind one target: those that are used have warm tunnels, others are cold. A pod leaves the set make before
 * break: it takes new connections until another one can.
 */
export class PodSet {
  readonly #parts: PodSetParts;
  readonly #limits: PodLimits;
  readonly #ending = new AbortController();
  readonly #members = new Map<string, PodMember>();
  readonly #retired: RetiredPools;
  #candidates: readonly Candidate[] = [];
  #turn = 0;
  /** The pod of `single`. */
  #current: PodMember;
  #failure: ConnectivityError | undefined;
  #change: Deferred = deferred();
  #cooling: Disposable | undefined;

  /** @param tunnel proves the candidate reachable */
  constructor(candidate: Candidate, tunnel: PodLink, parts: PodSetParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? podLimits;
    this.#retired = new RetiredPools(parts);
    this.#current = this.#member(candidate, tunnel);
  }

  /** Pods with warm tunnels, the last chosen first. */
  get warm(): readonly PodMember[] {
    const warm = [...this.#members.values()].filter((member) => member.warm);
    return warm.toSorted((a, b) => b.lastChosen - a.lastChosen);
  }

  /** Settles at the next change of what is warm. */
  get change(): Promise<void> {
    return this.#change.promise;
  }

  get warming(): boolean {
    return [...this.#members.values()].some((member) => member.warming);
  }

  /** The pod for a new connection, by the balance, among those that are warm; `undefined` while there is none. */
  choose(without: ReadonlySet<PodMember>): PodMember | undefined {
    const members = [...this.#members.values()].filter((member) => member.warm && this.#takes(member));
    const left = members.filter((member) => !without.has(member));
    const [first] = pickOrder(
      this.#parts.balance,
      left.map(({ load }) => load),
    );
    const chosen = first === undefined ? undefined : left[first];
    if (chosen === undefined) return undefined;
    chosen.lastChosen = ++this.#turn;
    this.#warmMore();
    return chosen;
  }

  /** Follows the target: what takes connections now, best first. */
  follow(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    this.review();
  }

  review(): void {
    this.#retired.review();
    if (this.#ending.signal.aborted) return;
    for (const candidate of this.#candidates) this.#member(candidate).candidate = candidate;
    const wanted = this.#wanted();
    for (const member of wanted) this.#warm(member);
    const able = wanted.some((member) => member.warm);
    for (const member of this.#members.values()) {
      if (wanted.includes(member)) continue;
      const listed = this.#isCandidate(member);
      const spare = listed && this.#parts.balance !== "single";
      const leaves = !listed && this.#parts.isLeaving(member.candidate);
      if ((able && !spare) || leaves) this.#retire(member, listed);
    }
    if (![...this.#members.values()].some((member) => member.warm || member.warming))
      this.#parts.onEmpty(this.#failure);
  }

  /** Asks the far side of everything that is open whether it is there. Never rejects. */
  async verify(): Promise<void> {
    await Promise.all(this.#pools().map((pool) => pool.verify()));
  }

  /** No new connections; resolves when the open ones have ended. */
  async drain(): Promise<void> {
    const pools = this.#pools();
    this.#end();
    await Promise.all(pools.map((pool) => pool.drain()));
  }

  destroy(reason?: ConnectivityError): void {
    const pools = this.#pools();
    this.#end();
    for (const pool of pools) pool.destroy(reason);
  }

  #pools(): TunnelPool[] {
    return [...[...this.#members.values()].flatMap((member) => member.pool ?? []), ...this.#retired.pools];
  }

  #end(): void {
    this.#cooling?.[Symbol.dispose]();
    this.#ending.abort();
    this.#tell();
  }

  #member(candidate: Candidate, tunnel?: PodLink): PodMember {
    const known = this.#members.get(candidate.uid);
    if (known !== undefined) return known;
    const { clock, namespace, dial } = this.#parts;
    const parts = {
      clock,
      namespace,
      ending: this.#ending.signal,
      dial,
      onRefused: () => this.review(),
      onLost: (lost: PodMember, cause: ConnectivityError) => this.#lost(lost, cause),
    };
    const member = new PodMember(candidate, parts, tunnel);
    this.#members.set(candidate.uid, member);
    return member;
  }

  #isCandidate = (member: PodMember): boolean => this.#candidates.some(({ uid }) => uid === member.uid);

  /** Whether new connections belong on a warm pod: one that is not ready any more only serves until another one can. */
  #takes(member: PodMember): boolean {
    if (this.#parts.balance === "single") return member === this.#current;
    return this.#isCandidate(member) || !this.#parts.isLeaving(member.candidate);
  }

  /** The pods that must be warm whether they are used or not. */
  #wanted(): readonly PodMember[] {
    const able = this.#candidates.flatMap(({ uid }) => this.#members.get(uid) ?? []);
    const fresh = able.filter((member) => member.warm || !member.load.passedOver);
    if (this.#parts.balance === "single") {
      const willing = fresh.filter((member) => !member.load.passedOver);
      const choice = willing.length > 0 ? willing : fresh;
      const [best] = choice;
      const stays = choice.includes(this.#current) && !(best && isBetter(best.candidate, this.#current.candidate));
      const next = stays ? this.#current : best;
      if (next?.warm === true) this.#current = next;
      return next === undefined ? [] : [next];
    }
    const warm = fresh.filter((member) => member.warm);
    const cold = fresh.filter((member) => !member.warm);
    return [...warm, ...cold].slice(0, this.#limits.floor);
  }

  /** One more pod becomes warm with each connection, until all that take connections are, or enough. */
  #warmMore(): void {
    this.#cooling ??= this.#parts.clock.after(this.#limits.idleMs, () => this.#cool());
    if (this.#parts.balance === "single") return;
    const members = this.#candidates.flatMap(({ uid }) => this.#members.get(uid) ?? []);
    if (members.filter((member) => member.warm || member.warming).length >= this.#limits.most) return;
    const cold = members.find((member) => !member.warm && !member.warming && !member.load.passedOver);
    if (cold !== undefined) this.#warm(cold);
  }

  #warm(member: PodMember): void {
    if (member.warm || member.warming) return;
    member.warmUp().then(
      () => this.#changed(),
      (error: unknown) => {
        this.#failure = toConnectivityError(error);
        this.#changed();
      },
    );
  }

  #lost(member: PodMember, cause: ConnectivityError): void {
    this.#failure = cause;
    this.#retire(member, this.#isCandidate(member));
    this.#changed();
  }

  #changed(): void {
    this.#tell();
    this.review();
  }

  #tell(): void {
    const { resolve } = this.#change;
    this.#change = deferred();
    resolve();
  }

  /** @param keep as a cold one */
  #retire(member: PodMember, keep: boolean): void {
    const pool = member.retire();
    if (!keep) this.#members.delete(member.uid);
    if (pool !== undefined) this.#retired.add(member.candidate, pool);
  }

  /** Pods that were not used for long become cold, down to the floor. */
  #cool(): void {
    this.#cooling = undefined;
    if (this.#ending.signal.aborted) return;
    const now = this.#parts.clock.monotonicMs();
    const idle = this.warm.slice(this.#limits.floor).filter((member) => now - member.lastUsedMs >= this.#limits.idleMs);
    for (const member of idle) if (member.load.connections === 0) this.#retire(member, true);
    if (this.warm.length > this.#limits.floor)
      this.#cooling = this.#parts.clock.after(this.#limits.idleMs, () => this.#cool());
  }
}
