import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { errorCatalogue, type Rung } from "#domain/error-catalogue.ts";
import type { Health } from "#domain/health.ts";
import { serviceCondition, type ServiceCondition } from "#domain/service-state.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ForwardDriver, Transport } from "../ports/forward-driver.ts";
import type { LocalConnection, LocalListener, RelayOutcome } from "../ports/local-listener.ts";
import type { Probes } from "../ports/probe.ts";
import { HealthMonitor } from "./health-monitor.ts";
import { Link } from "./link.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface ServiceRuntimeDependencies {
  readonly clock: Clock;
  readonly access: Access;
  readonly probes: Probes;
  driver(): Promise<ForwardDriver>;
  /** Opens the local end; refuses a port that another service holds. */
  listen(service: ServiceSpec, onConnection: (connection: LocalConnection) => void): Promise<LocalListener>;
  onCondition(condition: ServiceCondition, before: ServiceCondition): void;
  onConnectionEnd(outcome: RelayOutcome): void;
}

/** With these the target answers, only not as it should: a client may talk to it and see for itself. */
const answering: readonly Rung[] = ["application"];
/** A check that fails so says that the way to the target is stale, not that the target is ill: a new dial may help. */
const stalePath: readonly string[] = ["connection_lost", "operation_timed_out", "pod_gone", "forward_refused"];

/** The running side of one declared service: its local port, its link, its health, and the connections through it. */
export class ServiceRuntime {
  readonly spec: ServiceSpec;
  readonly #deps: ServiceRuntimeDependencies;
  readonly #room: WaitingRoom;
  readonly #link: Link;
  readonly #monitor: HealthMonitor;
  /** When a connection that came back to the waiting room has to leave it for good. */
  readonly #deadlines = new WeakMap<LocalConnection, number>();
  #wanted = false;
  #listener: LocalListener | undefined;
  #listening: Promise<void> | undefined;
  #refused: { failure: Failure; sinceMs: number } | undefined;
  #blocked: { failure?: Failure; sinceMs: number } | undefined;
  #condition: ServiceCondition = { state: "stopped" };
  #connections = 0;
  #lastPort: number | undefined;

  constructor(spec: ServiceSpec, deps: ServiceRuntimeDependencies) {
    this.spec = spec;
    this.#deps = deps;
    this.#room = new WaitingRoom(deps.clock, spec.waitingRoom);
    this.#monitor = new HealthMonitor(spec, {
      clock: deps.clock,
      probes: deps.probes,
      access: deps.access,
      onChange: (health, before) => this.#healthChanged(health, before),
    });
    this.#link = new Link(spec, {
      clock: deps.clock,
      access: deps.access,
      driver: () => deps.driver(),
      onChange: (state) => {
        this.#refresh();
        if (state.kind === "failed") this.#room.turnAway();
      },
      onOpened: (transport) => this.#opened(transport),
      onDown: () => this.#monitor.pause(),
    });
  }

  get condition(): ServiceCondition {
    return this.#condition;
  }
  get wanted(): boolean {
    return this.#wanted;
  }
  /** The local port while it is open, else the last one or the declared one; 0 when none was chosen yet. */
  get port(): number {
    return this.#listener?.port ?? this.#lastPort ?? this.spec.localPort;
  }
  get listening(): boolean {
    return this.#listener !== undefined;
  }
  get transport(): Transport | undefined {
    return this.#link.transport;
  }
  /** Forwarded connections that are open now. */
  get connections(): number {
    return this.#connections;
  }
  get waitingConnections(): number {
    return this.#room.size;
  }

  /**
   * Opens the local port and, unless something it depends on is not ready, dials. The port comes first: a taken one is
   * refused before anything is dialled. Idempotent; a refused or given-up service tries again.
   */
  async start(): Promise<void> {
    this.#wanted = true;
    this.#refused = undefined;
    this.#refresh();
    try {
      await this.#ensureListening();
    } catch (thrown) {
      this.#refused = { failure: toConnectivityError(thrown).toFailure(), sinceMs: this.#deps.clock.nowMs() };
      this.#refresh();
      return;
    }
    if (this.#wanted && !this.#blocked) this.#link.dial();
  }

  /** Holds the first dial back until what it depends on is ready; an open link is not touched. */
  block(failure: Failure | undefined): void {
    this.#blocked = { ...(failure && { failure }), sinceMs: this.#blocked?.sinceMs ?? this.#deps.clock.nowMs() };
    this.#refresh();
  }

  unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = undefined;
    this.#refresh();
    if (this.#wanted && this.#listener && this.#link.state.kind === "idle") this.#link.dial();
  }

  /** Tries again now where it waits or had given up. */
  retry(): void {
    if (!this.#wanted) return;
    if (this.#refused) void this.start();
    else if (this.#link.state.kind === "backoff" || this.#link.state.kind === "failed") this.#link.dial();
  }

  reconnect(reason: Failure): void {
    if (this.#wanted && !this.#blocked) this.#link.redial(reason);
  }

  /** Runs the check now; `undefined` when the link is down. */
  check(): ReturnType<HealthMonitor["check"]> {
    return this.#monitor.check();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    this.#refused = undefined;
    this.#blocked = undefined;
    this.#room.turnAway();
    this.#link.stop();
    await this.#listening?.catch(() => undefined);
    const listener = this.#listener;
    this.#listener = undefined;
    this.#lastPort = listener?.port ?? this.#lastPort;
    this.#refresh();
    await listener?.close();
  }

  async #ensureListening(): Promise<void> {
    if (this.#listener) return;
    this.#listening ??= this.#listen().finally(() => {
      this.#listening = undefined;
    });
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const listener = await this.#deps.listen(this.spec, (connection) => this.#accept(connection));
    if (this.#wanted) this.#listener = listener;
    else await listener.close();
  }

  #accept(connection: LocalConnection): void {
    this.#deadlines.set(connection, this.#deps.clock.monotonicMs() + this.spec.waitingRoom.timeoutMs);
    const transport = this.#link.transport;
    if (this.#link.state.kind === "failed") connection.reset();
    else if (transport && this.#admits()) void this.#forward(connection, transport);
    else this.#room.enter(connection, this.#deadlines.get(connection));
  }

  /** Whether a new connection has a chance: the target answers, or it is not known yet. */
  #admits(): boolean {
    const health = this.#monitor.health;
    return health.kind !== "failing" || answering.includes(errorCatalogue[health.failure.code].rung);
  }

  async #forward(connection: LocalConnection, transport: Transport): Promise<void> {
    const gone = new AbortController();
    connection.onGone(() => gone.abort(new ConnectivityError("cancelled", "the client went away")));
    this.#connections++;
    try {
      const stream = await transport.connect({ signal: gone.signal });
      let streamError: unknown;
      stream.once("error", (error) => (streamError = error));
      const outcome = await connection.relay(stream);
      this.#deps.onConnectionEnd(outcome);
      if (streamError instanceof ConnectivityError) this.#monitor.connectionFailed(streamError.toFailure());
      else if (outcome.ended === "reset_by_target") this.#monitor.doubt();
    } catch (thrown) {
      this.#connectFailed(connection, gone.signal, toConnectivityError(thrown));
    } finally {
      this.#connections--;
    }
  }

  /** Nothing was read from the client yet, so it may wait for a better time, unless that will not come by itself. */
  #connectFailed(connection: LocalConnection, gone: AbortSignal, error: ConnectivityError): void {
    if (gone.aborted) return;
    this.#monitor.connectionFailed(error.toFailure());
    if (error.retryable && this.#wanted) this.#room.enter(connection, this.#deadlines.get(connection));
    else connection.reset();
  }

  #opened(transport: Transport): void {
    this.#monitor.watch(transport);
    this.#admitWaiting(transport);
  }

  #admitWaiting(transport: Transport): void {
    for (const connection of this.#room.leave()) void this.#forward(connection, transport);
  }

  #healthChanged(health: Health, before: Health): void {
    this.#refresh();
    const transport = this.#link.transport;
    if (!transport) return;
    if (health.kind === "passing" && before.kind !== "passing") this.#admitWaiting(transport);
    if (health.kind !== "failing") return;
    const { failureThreshold } = this.spec.healthCheck;
    if (stalePath.includes(health.failure.code) && health.failures % failureThreshold === 0)
      this.#link.redial(health.failure);
  }

  #refresh(): void {
    const before = this.#condition;
    const after = serviceCondition({
      wanted: this.#wanted,
      link: this.#link.state,
      health: this.#monitor.health,
      refused: this.#refused,
      blocked: this.#blocked,
    });
    this.#condition = after;
    if (!sameCondition(before, after)) this.#deps.onCondition(after, before);
  }
}

const sameCondition = (left: ServiceCondition, right: ServiceCondition): boolean =>
  left.state === right.state &&
  left.failure?.code === right.failure?.code &&
  left.failure?.message === right.failure?.message;
