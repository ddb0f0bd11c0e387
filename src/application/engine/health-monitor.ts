import { toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { nextHealth, type Health, type HealthEvent } from "#domain/health.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { opensCircuit, trialDelayMs, withOpenCircuit } from "#domain/supervision.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ProbeResult, Probes } from "../ports/probe.ts";
import type { Transport } from "../ports/forward-driver.ts";

/** While a check fails it is repeated faster than its interval, so that recovery is seen at once; doubled up to the interval. */
const recheckFirstMs = 500;
const recheckSlowestMs = 5000;
/** With an open circuit (a wrong password) checks come as trials, at most this far apart: each is a failed login on the other side. */
const slowestTrialMs = 300_000;
/** Connections that fail one after the other start checks no faster than this. */
const passiveCheckGapMs = 100;
/** The same while the circuit is open. */
const passiveTrialGapMs = 5000;
/** A check that does not end this long after it was told to is given up: it must not stand for what is known. */
const graceMs = 1000;
/** A share of the interval by which a check may come sooner, so that it runs together with others. */
const slackShare = 0.1;
/**
 * Once it passes, the first interval is shortened by chance, down to this share: a hundred services that began together, or
 * came back together, are not checked in the same instant.
 */
const firstShare = 0.2;

export interface HealthMonitorDependencies {
  readonly clock: Clock;
  readonly probes: Probes;
  readonly access: Access;
  onResult(result: ProbeResult, durationMs: number): void;
  onChange(health: Health, before: Health): void;
}

/** Checks one open transport again and again, and holds what is known about the target behind it. */
export class HealthMonitor {
  readonly #deps: HealthMonitorDependencies;
  readonly #service: ServiceSpec;
  #health: Health = { kind: "unknown" };
  #transport: Transport | undefined;
  #timer: Disposable | undefined;
  /** Its checks have moved away from those of what began with it, and stay where they are. */
  #isPlaced = false;
  #lastCheckMs = Number.NEGATIVE_INFINITY;
  /** A real connection failed while the check was on its way: what it saw may be older than that. */
  #overtaken = false;
  #running: { readonly promise: Promise<ProbeResult | undefined>; readonly controller: AbortController } | undefined;

  constructor(service: ServiceSpec, deps: HealthMonitorDependencies) {
    this.#service = service;
    this.#deps = deps;
  }

  /** A check runs at this moment. */
  get checking(): boolean {
    return this.#running !== undefined;
  }
  get health(): Health {
    return this.#health;
  }

  /** Begins with a check at once. */
  watch(transport: Transport): void {
    this.pause();
    this.#transport = transport;
    void this.check();
  }

  /** The link is down: what was known is history. */
  pause(): void {
    this.#transport = undefined;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#running?.controller.abort();
    this.#running = undefined;
    this.#move({ kind: "reset" });
  }

  /** A real connection failed: the service is not ready until the check that this starts says otherwise. */
  connectionFailed(failure: Failure): void {
    this.#move({ kind: "connection_failed", failure, atMs: this.#deps.clock.nowMs() });
    this.doubt();
  }

  /** A real connection ended in a way that may or may not be the target's fault: look, and think nothing yet. */
  doubt(): void {
    if (!this.#transport) return;
    if (this.#running) {
      this.#overtaken = true;
      return;
    }
    const sinceLastMs = this.#deps.clock.monotonicMs() - this.#lastCheckMs;
    const gapMs = this.#circuitIsOpen ? passiveTrialGapMs : passiveCheckGapMs;
    if (sinceLastMs >= gapMs) void this.check();
    else this.#scheduleIn(gapMs - sinceLastMs);
  }

  /** Runs the check now, or joins the one that runs. `undefined` when there is no open link, or it went down meanwhile. */
  check(): Promise<ProbeResult | undefined> {
    if (this.#running) return this.#running.promise;
    const transport = this.#transport;
    if (!transport) return Promise.resolve(undefined);
    const controller = new AbortController();
    const promise = this.#run(transport, controller);
    this.#running = { promise, controller };
    return promise;
  }

  /** A check from now: one that is on its way may say what was before. `undefined` as `check`. */
  recheck(): Promise<ProbeResult | undefined> {
    this.#running?.controller.abort();
    this.#running = undefined;
    return this.check();
  }

  async #run(transport: Transport, controller: AbortController): Promise<ProbeResult | undefined> {
    const { clock } = this.#deps;
    this.#overtaken = false;
    let startedMs = clock.monotonicMs();
    let result = await this.#exchange(transport, controller);
    if (result.ok && this.#overtaken && !controller.signal.aborted) {
      startedMs = clock.monotonicMs();
      result = await this.#exchange(transport, controller);
    }
    // Late news of a transport that is no longer ours.
    if (this.#transport !== transport || this.#running?.controller !== controller) return undefined;
    this.#running = undefined;
    this.#lastCheckMs = clock.monotonicMs();
    this.#take(result, clock.monotonicMs() - startedMs);
    if (this.#transport === transport) this.#schedule();
    return result;
  }

  /** One check, within its timeout whatever hangs. */
  async #exchange(transport: Transport, controller: AbortController): Promise<ProbeResult> {
    const { clock, probes, access } = this.#deps;
    const { healthCheck } = this.#service;
    const { promise: late, resolve } = Promise.withResolvers<ProbeResult>();
    let grace: Disposable | undefined;
    const onAbort = (): void => {
      grace = clock.after(graceMs, () => resolve(noEnd));
    };
    controller.signal.addEventListener("abort", onAbort, { once: true });
    using _deadline = clock.after(healthCheck.timeoutMs, () => controller.abort());
    const path = {
      connect: (signal: AbortSignal) => transport.connectForCheck?.({ signal }) ?? transport.connect({ signal }),
      host: "localhost",
      port: this.#service.localPort,
    };
    try {
      return await Promise.race([probes.run(healthCheck, path, { signal: controller.signal, access }), late]);
    } catch (thrown) {
      const { code, message } = toConnectivityError(thrown);
      return { ok: false, code, message, phasesMs: {} };
    } finally {
      controller.signal.removeEventListener("abort", onAbort);
      grace?.[Symbol.dispose]();
    }
  }

  #take(result: ProbeResult, durationMs: number): void {
    const atMs = this.#deps.clock.nowMs();
    this.#deps.onResult(result, durationMs);
    if (result.ok) {
      const verification = { atMs, by: result.by, durationMs: Math.round(durationMs) };
      this.#move({ kind: "passed", verification, successThreshold: this.#service.healthCheck.successThreshold });
      return;
    }
    const { code, message, facts, untrusted } = result;
    const failure = { code, message, ...(facts && { facts }), ...(untrusted !== undefined && { untrusted }) };
    const failures = this.#health.kind === "failing" ? this.#health.failures + 1 : 1;
    const isOpen = opensCircuit(failure, failures);
    this.#move({ kind: "failed", failure: isOpen ? withOpenCircuit(failure, this.#trialMs(failures)) : failure, atMs });
  }

  #schedule(): void {
    const withinMs = this.#withinMs();
    const placed = this.#isPlaced || this.#health.kind === "failing";
    const share = placed ? 1 : firstShare + (1 - firstShare) * this.#deps.clock.random();
    this.#isPlaced = this.#health.kind !== "failing";
    this.#scheduleIn(withinMs * (share - slackShare), withinMs * slackShare);
  }

  /** The next check comes within this. */
  #withinMs(): number {
    const { intervalMs } = this.#service.healthCheck;
    if (this.#health.kind !== "failing") return intervalMs;
    const { failures } = this.#health;
    if (this.#circuitIsOpen) return this.#trialMs(failures);
    return Math.min(recheckFirstMs * 2 ** Math.min(failures - 1, 16), recheckSlowestMs, intervalMs);
  }

  get #circuitIsOpen(): boolean {
    return this.#health.kind === "failing" && opensCircuit(this.#health.failure, this.#health.failures);
  }

  #trialMs(failures: number): number {
    return Math.max(this.#service.healthCheck.intervalMs, trialDelayMs(failures, slowestTrialMs));
  }

  #scheduleIn(delayMs: number, slackMs = 0): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#deps.clock.after(delayMs, () => void this.check(), slackMs);
  }

  #move(event: HealthEvent): void {
    const before = this.#health;
    this.#health = nextHealth(before, event);
    if (this.#health !== before) this.#deps.onChange(this.#health, before);
  }
}

const noEnd: ProbeResult = {
  ok: false,
  code: "operation_timed_out",
  message: "the check did not end within its time",
  phasesMs: {},
};
