import { toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import type { Health } from "#domain/health.ts";
import { serviceCondition, type ServiceCondition } from "#domain/service-state.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Transport } from "../ports/forward-driver.ts";
import type { ProbeResult } from "../ports/probe.ts";
import { ConditionRecord } from "./condition-record.ts";
import { HealthMonitor } from "./health-monitor.ts";
import { Link } from "./link.ts";
import { LocalPort } from "./local-port.ts";
import { PortRefusals } from "./port-refusals.ts";
import { Reception } from "./reception.ts";
import { isStalePath, reverify } from "./reverify.ts";
import type { ServiceRuntimeDependencies } from "./runtime-dependencies.ts";

/** How long connections through a way that was replaced may go on. */
const replacedDrainMs = 3_600_000;

/** The running side of one declared service: its local port, its link, its health, and the connections through it. */
export class ServiceRuntime {
  #spec: ServiceSpec;
  readonly #deps: ServiceRuntimeDependencies;
  #port: LocalPort;
  readonly #reception: Reception;
  readonly #link: Link;
  readonly #monitor: HealthMonitor;
  #wanted = false;
  readonly #refusals: PortRefusals;
  /** What led here another way, while connections through it are open. */
  #before: ServiceRuntime | undefined;
  #drained: Promise<unknown> | undefined;
  /** What holds the first dial back. */
  #blocked: { failure?: Failure; sinceMs: number } | undefined;
  readonly #record: ConditionRecord;
  #seen: ProbeResult["facts"];

  constructor(spec: ServiceSpec, deps: ServiceRuntimeDependencies) {
    this.#spec = spec;
    this.#deps = deps;
    this.#record = new ConditionRecord(deps);
    this.#refusals = new PortRefusals(deps.clock, spec.restartPolicy, () => void this.start());
    this.#reception = new Reception(spec, {
      clock: deps.clock,
      now: () => ({
        wanted: this.#wanted,
        link: this.#link.state,
        transport: this.#link.transport,
        health: this.#monitor.health,
      }),
      onFailed: (failure) => this.#monitor.connectionFailed(failure),
      onDoubt: () => this.#monitor.doubt(),
      onEnd: (outcome, connection) => deps.onConnectionEnd(outcome, connection),
      onRefused: (connection) => deps.onConnectionEnd(undefined, connection),
    });
    this.#port = new LocalPort(
      (onConnection) => deps.listen(spec, onConnection),
      (connection) => this.#reception.accept(connection),
    );
    this.#monitor = new HealthMonitor(spec, {
      clock: deps.clock,
      probes: deps.probes,
      access: deps.access,
      onResult: (result, durationMs) => {
        this.#seen = result.facts;
        deps.onCheck?.(result, durationMs);
      },
      onChange: (health, before) => this.#healthChanged(health, before),
    });
    this.#link = new Link(spec, {
      clock: deps.clock,
      access: deps.access,
      driver: () => deps.driver(),
      farPort: deps.farPort,
      route: () => deps.route?.() ?? Promise.resolve(undefined),
      onChange: () => {
        this.#refresh();
        this.#reception.review();
      },
      onOpened: (transport) => {
        this.#monitor.watch(transport);
        this.#reception.admitWaiting(transport);
        transport.onNews?.((news) => deps.onNews?.(news));
      },
      onDown: () => this.#monitor.pause(),
    });
  }

  get spec(): ServiceSpec {
    return this.#spec;
  }
  get condition(): ServiceCondition {
    return this.#record.now;
  }
  get wanted(): boolean {
    return this.#wanted;
  }
  /** The finding that it flaps, with its evidence; it may be ready just now. */
  get flapping(): Failure | undefined {
    return this.#record.flapping;
  }
  /** The local port while it is open, else the last one or the declared one; 0 when none was chosen yet. */
  get port(): number {
    return this.#port.port ?? this.spec.localPort;
  }
  /** Where it listens: an address, or the path of a Unix socket. */
  get host(): string {
    return this.#port.host ?? this.spec.listen;
  }
  get listening(): boolean {
    return this.#port.isOpen;
  }
  /** Whether it is being found out anew: what it failed with before may be over. */
  get trying(): boolean {
    const { kind } = this.#link.state;
    return kind === "dialing" || (kind === "up" && this.#monitor.checking);
  }
  get transport(): Transport | undefined {
    return this.#link.transport;
  }
  /** Forwarded connections that are open now. */
  get connections(): number {
    return this.#reception.open + (this.#before?.connections ?? 0);
  }
  /** Facts of the last check, such as the end of a certificate. */
  get seen(): ProbeResult["facts"] {
    return this.#seen;
  }
  get waitingConnections(): number {
    return this.#reception.waiting;
  }

  /**
   * Opens the local port and, unless something it depends on is not ready, dials. The port comes first: a taken one is
   * refused before anything is dialled. Idempotent; a refused or given-up service tries again.
   */
  async start(): Promise<void> {
    this.#wanted = true;
    this.#refusals.hold();
    this.#refresh();
    try {
      await this.#port.open();
    } catch (thrown) {
      if (this.#wanted) this.#refusals.add(toConnectivityError(thrown));
      this.#refresh();
      return;
    }
    if (!this.#wanted || !this.#port.isOpen) return;
    this.#refusals.clear();
    this.#refresh();
    if (!this.#blocked) this.#link.dial();
  }

  /** Holds the first dial back until what it depends on is ready; a link that was dialled before is not touched. */
  block(failure: Failure | undefined): void {
    this.#blocked = { ...(failure && { failure }), sinceMs: this.#blocked?.sinceMs ?? this.#deps.clock.nowMs() };
    this.#refresh();
  }

  /** What it depends on is ready (again): the first dial, or one that may succeed now. */
  unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = undefined;
    this.#refresh();
    if (!this.#wanted || !this.#port.isOpen) return;
    if (this.#link.state.kind === "idle" || this.#link.state.kind === "backoff") this.#link.dial();
    else if (this.#monitor.health.kind === "failing") this.#monitor.doubt();
  }

  /** Tries again now where it waits, fails or had given up. */
  retry(): void {
    if (!this.#wanted) return;
    if (this.#refusals.last) void this.start();
    else if (this.#link.state.kind === "backoff" || this.#link.state.kind === "failed") this.#link.dial();
    else if (this.#monitor.health.kind === "failing") this.#monitor.doubt();
  }

  /** A new link at once; one that was never dialled is left to its start. */
  reconnect(reason: Failure): void {
    if (this.#wanted && this.#link.state.kind !== "idle") this.#link.redial(reason);
  }

  /** This machine slept or its network changed; `verified` when the drivers have looked at what they hold. */
  wake(verified: Promise<unknown>): void {
    if (this.#wanted && this.#refusals.last) void this.start();
    else if (this.#wanted) void reverify(this.#link, this.#monitor, verified);
  }

  /** Runs the check now; `undefined` when the link is down. */
  check(): ReturnType<HealthMonitor["check"]> {
    return this.#monitor.check();
  }

  /** The same way to the same target under a declaration that differs beside that: nothing is cut. */
  redeclare(spec: ServiceSpec): void {
    this.#spec = spec;
  }

  /**
   * Takes the place of one that leads to the same target another way, before it is started: the local end and who waits
   * there come over at once, and what is open goes on as it is until it ends.
   */
  takeOver(before: ServiceRuntime): void {
    [this.#port, before.#port] = [before.#port, this.#port];
    this.#port.receive = (connection) => this.#reception.accept(connection);
    this.#reception.takeOver(before.#reception);
    this.#before = before;
    void before.#retire(replacedDrainMs).then(() => {
      if (this.#before === before) this.#before = undefined;
    });
  }

  /** Closes everything; resolves when the local port is released. */
  async stop(): Promise<void> {
    const closed = this.#port.close();
    this.#reception.turnAway();
    void this.#retire(0);
    await Promise.all([closed, this.#before?.stop()]);
  }

  /** Ends the link; resolves when nothing is open any more. */
  async #retire(drainMs: number): Promise<void> {
    this.#wanted = false;
    this.#refusals.clear();
    this.#blocked = undefined;
    const drained = this.#link.stop(drainMs);
    this.#refresh();
    const before = this.#before;
    await (this.#drained = Promise.all([drained, before ? before.#drained : undefined]));
  }

  #healthChanged(health: Health, before: Health): void {
    this.#refresh();
    const transport = this.#link.transport;
    if (!transport) return;
    if (health.kind === "passing" || health.kind === "failing") this.#link.judge(health.kind === "passing");
    if (health.kind === "passing" && before.kind !== "passing") this.#reception.admitWaiting(transport);
    if (health.kind !== "failing") return;
    this.#reception.review();
    const { failureThreshold } = this.spec.healthCheck;
    if (isStalePath(health.failure) && health.failures % failureThreshold === 0) this.#link.abandon(health.failure);
  }

  #refresh(): void {
    const [link, health, refused] = [this.#link.state, this.#monitor.health, this.#refusals.last];
    this.#record.show(serviceCondition({ wanted: this.#wanted, link, health, refused, blocked: this.#blocked }));
  }
}
