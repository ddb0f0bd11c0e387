import { backoffDelayMs } from "#domain/backoff.ts";
import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { nextLinkState, type LinkEvent, type LinkState } from "#domain/link-state.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ForwardDriver, Transport } from "../ports/forward-driver.ts";

/** One dial may take this long whatever hangs; drivers have shorter limits of their own for each phase. */
const dialTimeoutMs = 20_000;
/** How long open connections may go on when a link is stopped. */
const drainMs = 0;

export interface LinkDependencies {
  readonly clock: Clock;
  readonly access: Access;
  /** Loads the driver on first use. */
  driver(): Promise<ForwardDriver>;
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
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#open(attempt);
  }

  /** Drops the transport, if there is one, and dials anew at once. */
  redial(reason: Failure): void {
    if (this.#state.kind === "up") this.#lost(reason, 0);
    this.dial();
  }

  stop(): void {
    if (!this.#move({ kind: "stop" })) return;
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#retryTimer?.[Symbol.dispose]();
    this.#attempt?.abort(new ConnectivityError("cancelled", "the service was stopped"));
    this.#down();
  }

  async #open(attempt: AbortController): Promise<void> {
    const { clock, access } = this.#deps;
    const timedOut = (): void =>
      attempt.abort(new ConnectivityError("operation_timed_out", `no connection within ${dialTimeoutMs / 1000} s`));
    using _deadline = clock.after(dialTimeoutMs, timedOut);
    try {
      const driver = await this.#deps.driver();
      this.#watchTarget(driver);
      const transport = await driver.open(this.#service, { signal: attempt.signal, access });
      if (this.#attempt !== attempt || !this.#move({ kind: "opened", atMs: this.#now() })) {
        transport.destroy();
        return;
      }
      this.#transport = transport;
      void transport.closed.then((cause) => this.#closed(transport, cause));
      this.#deps.onOpened(transport);
    } catch (thrown) {
      if (this.#attempt === attempt)
        this.#failed(toConnectivityError(attempt.signal.aborted ? attempt.signal.reason : thrown));
    }
  }

  /** A change at the target makes a waiting link dial at once, and gives one that had given up another chance. */
  #watchTarget(driver: ForwardDriver): void {
    this.#watch ??= driver.watch?.(this.#service, this.#deps.access, () => {
      if (this.#state.kind === "backoff" || this.#state.kind === "failed") this.dial();
    });
  }

  #closed(transport: Transport, cause: ConnectivityError | undefined): void {
    if (this.#transport !== transport) return;
    const lost = cause ?? new ConnectivityError("connection_lost", `${transport.via} was closed`);
    this.#failed(lost);
  }

  #failed(error: ConnectivityError): void {
    const { restartPolicy } = this.#service;
    const failure = error.toFailure();
    const attempts = ("attempt" in this.#state ? this.#state.attempt : 0) + 1;
    const exhausted = restartPolicy.maxAttempts !== undefined && attempts > restartPolicy.maxAttempts;
    if (!error.retryable || exhausted || !restartPolicy.enabled) {
      this.#move({
        kind: "give_up",
        atMs: this.#now(),
        failure: exhausted ? pausedAfter(failure, attempts - 1) : failure,
      });
      this.#down();
      return;
    }
    this.#lost(failure, undefined);
  }

  #lost(failure: Failure, fixedDelayMs: number | undefined): void {
    const atMs = this.#now();
    const next = nextLinkState(this.#state, { kind: "retry", atMs, retryAtMs: atMs, failure });
    if (next?.kind !== "backoff") return;
    const delayMs =
      fixedDelayMs ?? backoffDelayMs(this.#service.restartPolicy, next.attempt, this.#deps.clock.random());
    this.#move({ kind: "retry", atMs, retryAtMs: atMs + delayMs, failure });
    this.#down();
    this.#retryTimer = this.#deps.clock.after(delayMs, () => this.dial());
  }

  #down(): void {
    const transport = this.#transport;
    this.#transport = undefined;
    this.#attempt = undefined;
    this.#deps.onDown();
    if (transport) void transport.close(drainMs);
  }

  #now(): number {
    return this.#deps.clock.nowMs();
  }

  #move(event: LinkEvent): boolean {
    const before = this.#state;
    const next = nextLinkState(before, event);
    if (!next) return false;
    this.#state = next;
    this.#deps.onChange(next, before);
    return true;
  }
}

const pausedAfter = (failure: Failure, attempts: number): Failure => ({
  ...failure,
  message: `${failure.message} (paused after ${attempts} attempts: start it again, or change its cause)`,
  facts: { ...failure.facts, attempts },
});
