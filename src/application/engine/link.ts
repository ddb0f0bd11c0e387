import { backoffDelayMs } from "#domain/backoff.ts";
import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import { nextLinkState, type LinkEvent, type LinkState } from "#domain/link-state.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { opensCircuit, trialDelayMs, withOpenCircuit } from "#domain/supervision.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { FarPort, ForwardDriver, Transport } from "../ports/forward-driver.ts";
import type { Route } from "../ports/route.ts";
import { dial } from "./dial.ts";

/** One dial may take this long whatever hangs; drivers have shorter limits of their own for each phase. */
const dialTimeoutMs = 20_000;
/** While the circuit is open, a trial comes at least this often: what mends a right or an account tells nobody. */
const slowestTrialMs = 60_000;

export interface LinkDependencies {
  readonly clock: Clock;
  readonly access: Access;
  /** Loads the driver on first use. */
  driver(): Promise<ForwardDriver>;
  /** The hops before the service's own server; `undefined`: directly. */
  route(): Promise<Route | undefined>;
  readonly farPort: FarPort | undefined;
  onChange(state: LinkState, before: LinkState): void;
  onOpened(transport: Transport): void;
  /** The transport is gone or given up; nothing of it may be used any more. */
  onDown(): void;
}

/** Keeps one transport open: dials, notices its end, backs off, dials again. The state table is `domain/link-state.ts`. */
export class Link {
  readonly #deps: LinkDependencies;
  readonly #service: ServiceSpec;
  #state: LinkState = { kind: "idle" };
  #transport: Transport | undefined;
  #draining: Transport | undefined;
  #attempt: AbortController | undefined;
  #retryTimer: Disposable | undefined;
  #watch: Disposable | undefined;

  constructor(service: ServiceSpec, deps: LinkDependencies) {
    this.#service = service;
    this.#deps = deps;
  }

  get state(): LinkState {
    return this.#state;
  }

  get transport(): Transport | undefined {
    return this.#transport;
  }

  /** Dials now; nothing to do when it is dialling or up. */
  dial(): void {
    if (!this.#move({ kind: "dial", atMs: this.#now() })) return;
    this.#retryTimer?.[Symbol.dispose]();
    this.#retryTimer = undefined;
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#open(attempt);
  }

  /** Drops the transport, if there is one, and dials anew at once. */
  redial(reason: Failure): void {
    if (this.#state.kind === "up") this.#lost(reason, 0);
    this.dial();
  }

  /** A dial that began before the network changed may hang: begun anew. */
  restart(): void {
    if (this.#state.kind !== "dialing") return;
    this.#attempt?.abort(new ConnectivityError("cancelled", "dialled again"));
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#open(attempt);
  }

  /** The transport is open and of no use: as if it had been lost, with the same backoff and the same count of attempts. */
  abandon(reason: Failure): void {
    if (this.#state.kind === "up") this.#failed(reason);
  }

  /** What a check through the open link says about the target: only a healthy time makes the attempts before it count no more. */
  judge(healthy: boolean): void {
    if (this.#state.kind === "up") this.#move({ kind: healthy ? "proven" : "doubted", atMs: this.#now() });
  }

  /** @param drainMs how long what is open may go on; `stop` once more ends it. Resolves when it has. */
  async stop(drainMs = 0): Promise<void> {
    if (!this.#move({ kind: "stop" })) {
      this.#draining?.destroy();
      return;
    }
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#retryTimer?.[Symbol.dispose]();
    this.#attempt?.abort(new ConnectivityError("cancelled", "the service was stopped"));
    const transport = this.#transport;
    this.#transport = undefined;
    this.#down();
    this.#draining = transport;
    await transport?.close(drainMs).catch(() => transport.destroy());
    this.#draining = undefined;
  }

  async #open(attempt: AbortController): Promise<void> {
    const { clock, access, farPort } = this.#deps;
    const timedOut = (): void =>
      attempt.abort(new ConnectivityError("operation_timed_out", `no connection within ${dialTimeoutMs / 1000} s`));
    using _deadline = clock.after(dialTimeoutMs, timedOut);
    try {
      const context = { signal: attempt.signal, access, farPort };
      const onDriver = (driver: ForwardDriver, route: Route | undefined): void => this.#watchTarget(driver, route);
      const routing = this.#service.via && ((): Promise<Route | undefined> => this.#deps.route());
      const transport = await dial(this.#deps.driver(), this.#service, context, onDriver, routing);
      if (this.#attempt !== attempt || !this.#move({ kind: "opened", atMs: this.#now() })) {
        transport.destroy();
        return;
      }
      this.#transport = transport;
      void transport.closed.then((cause) => this.#closed(transport, cause));
      this.#deps.onOpened(transport);
    } catch (thrown) {
      if (this.#attempt === attempt)
        this.#failed(toConnectivityError(attempt.signal.aborted ? attempt.signal.reason : thrown).toFailure());
    }
  }

  /** A change at the target makes a waiting link dial at once, and gives one that had given up another chance. */
  #watchTarget(driver: ForwardDriver, route: Route | undefined): void {
    const onChange = (): void => {
      if (this.#state.kind === "backoff" || this.#state.kind === "failed") this.dial();
    };
    this.#watch ??= both(driver.watch?.(this.#service, this.#deps.access, onChange, route), route?.watch?.(onChange));
  }

  #closed(transport: Transport, cause: ConnectivityError | undefined): void {
    if (this.#transport !== transport) return;
    const lost = cause ?? new ConnectivityError("connection_lost", `${transport.via} was closed`);
    this.#failed(lost.toFailure());
  }

  #failed(failure: Failure): void {
    const { enabled, maxAttempts } = this.#service.restartPolicy;
    const atMs = this.#now();
    const next = nextLinkState(this.#state, { kind: "retry", atMs, retryAtMs: atMs, failure });
    const { attempt: attempts, waits } = next?.kind === "backoff" ? next : { attempt: 0 };
    const exhausted = waits === undefined && maxAttempts !== undefined && attempts >= maxAttempts;
    if (errorCatalogue[failure.code].retryable && enabled && !exhausted) {
      this.#lost(failure, undefined);
      return;
    }
    this.#move({ kind: "give_up", atMs, failure: exhausted ? pausedAfter(failure, attempts) : failure });
    this.#down();
  }

  #lost(failure: Failure, fixedDelayMs: number | undefined): void {
    const atMs = this.#now();
    const next = nextLinkState(this.#state, { kind: "retry", atMs, retryAtMs: atMs, failure });
    if (next?.kind !== "backoff") return;
    const { clock } = this.#deps;
    const backoffMs = backoffDelayMs(this.#service.restartPolicy, next.attempt + (next.waits ?? 0), clock.random());
    const isOpen = opensCircuit(failure, next.attempt);
    const delayMs =
      fixedDelayMs ?? (isOpen ? Math.max(backoffMs, trialDelayMs(next.attempt, slowestTrialMs)) : backoffMs);
    const shown = isOpen ? withOpenCircuit(failure, delayMs) : failure;
    this.#move({ kind: "retry", atMs, retryAtMs: atMs + delayMs, failure: shown });
    this.#down();
    this.#retryTimer = clock.after(delayMs, () => this.dial());
  }

  #down(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#attempt = undefined;
    this.#deps.onDown();
    transport?.close(0).catch(() => transport.destroy());
  }

  #now(): number {
    return this.#deps.clock.nowMs();
  }

  #move(event: LinkEvent): boolean {
    const before = this.#state;
    const next = nextLinkState(before, event);
    if (!next) return false;
    this.#state = next;
    if (next === before) return true;
    this.#deps.onChange(next, before);
    return true;
  }
}

const both = (one: Disposable | undefined, other: Disposable | undefined): Disposable => ({
  [Symbol.dispose]: () => {
    one?.[Symbol.dispose]();
    other?.[Symbol.dispose]();
  },
});

const pausedAfter = (failure: Failure, attempts: number): Failure => ({
  ...failure,
  message: `${failure.message} (paused after ${attempts} attempts: start it again, or change its cause)`,
  facts: { ...failure.facts, attempts },
});
