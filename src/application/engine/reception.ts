import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { serverEndsLast } from "#domain/closing-order.ts";
import { errorCatalogue, type Rung } from "#domain/error-catalogue.ts";
import type { Health } from "#domain/health.ts";
import type { LinkState } from "#domain/link-state.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Transport } from "../ports/forward-driver.ts";
import type { ClientSocket, LocalConnection, RelayOutcome } from "../ports/local-listener.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** A connection to the target that is not open after this time will not be: nobody is left hanging. */
const connectTimeoutMs = 15_000;
/** A target that was never reached is tried again at once, where there may be others behind the transport; then it is waited for. */
const triesAtOnce = 3;
/**
 * With these the target answers, only not as it should, or the check itself could not be made: a client may talk to it
 * and see for itself.
 */
const answering: readonly Rung[] = ["application", "configuration"];

export interface ReceptionDependencies {
  readonly clock: Clock;
  /** How things stand when a connection comes. */
  now(): {
    readonly wanted: boolean;
    readonly link: LinkState;
    readonly transport: Transport | undefined;
    readonly health: Health;
  };
  /** A connection could not be opened, or broke, on the transport that is open now. */
  onFailed(failure: Failure): void;
  /** One ended in a way that may be the target's fault. */
  onDoubt(): void;
  onEnd(outcome: RelayOutcome, connection: LocalConnection): void;
  /** One was reset because its target cannot be reached. */
  onRefused(connection: LocalConnection): void;
}

/** Takes in a service's local connections: forwards them, lets them wait for a better time, or resets them at once. */
export class Reception {
  readonly #deps: ReceptionDependencies;
  readonly #room: WaitingRoom;
  readonly #timeoutMs: number;
  /** When a connection that came back to the waiting room has to leave it for good. */
  readonly #deadlines = new WeakMap<LocalConnection, number>();
  /** Clients may be given to a transport that takes them. */
  readonly #gives: boolean;
  #open = 0;
  #successor: Reception | undefined;

  constructor({ waitingRoom, healthCheck }: ServiceSpec, deps: ReceptionDependencies) {
    this.#deps = deps;
    this.#gives = serverEndsLast(healthCheck);
    this.#timeoutMs = waitingRoom.timeoutMs;
    this.#room = new WaitingRoom(deps.clock, waitingRoom);
  }

  /** Connections that are forwarded now. */
  get open(): number {
    return this.#open;
  }
  get waiting(): number {
    return this.#room.size;
  }

  accept(connection: LocalConnection, deadlineMs = this.#deps.clock.monotonicMs() + this.#timeoutMs): void {
    if (this.#successor) return this.#successor.accept(connection, deadlineMs);
    this.#deadlines.set(connection, deadlineMs);
    const { wanted, transport } = this.#deps.now();
    if (!wanted || this.#isHopeless()) this.#refuse(connection);
    else if (transport && this.#admits()) void this.#forward(connection, transport);
    else this.#room.enter(connection, this.#deadlines.get(connection));
  }

  /** The target can be reached (again): who waits goes on. */
  admitWaiting(transport: Transport): void {
    for (const connection of this.#room.leave()) void this.#forward(connection, transport);
  }

  /** Lets nobody wait for what does not come by itself. */
  review(): void {
    if (this.#isHopeless()) this.turnAway();
  }

  turnAway(): void {
    this.#room.turnAway();
  }

  /** Who waits comes here from another one, and goes on waiting for as long as before. */
  takeOver(before: Reception): void {
    before.#successor = this;
    for (const connection of before.#room.leave()) {
      this.#deadlines.set(connection, before.#deadlines.get(connection) ?? this.#deps.clock.monotonicMs());
      this.#room.enter(connection, this.#deadlines.get(connection));
    }
  }

  /** Whether a new connection has a chance: the target answers, or it is not known yet. */
  #admits(): boolean {
    const { health } = this.#deps.now();
    return health.kind !== "failing" || answering.includes(errorCatalogue[health.failure.code].rung);
  }

  #isHopeless(): boolean {
    const { link, health } = this.#deps.now();
    if (link.kind === "failed") return true;
    return (
      link.kind === "up" &&
      health.kind === "failing" &&
      !errorCatalogue[health.failure.code].retryable &&
      !this.#admits()
    );
  }

  async #forward(connection: LocalConnection, transport: Transport, attempt = 1): Promise<void> {
    const until = new AbortController();
    let gone = false;
    const client = this.#gives && transport.takesClients === true ? connection.socket?.() : undefined;
    // Looking after a client means to read it, which who carries its bytes does from the first one on.
    if (!client) {
      connection.onGone(() => {
        gone = true;
        until.abort(new ConnectivityError("cancelled", "the client went away"));
      });
    }
    this.#open++;
    try {
      const stream = await this.#connect(transport, until, client);
      let streamError: unknown;
      stream.once("error", (error) => (streamError = error));
      const outcome = await connection.relay(stream);
      if (outcome.ended === "undelivered") {
        this.#undelivered(connection, transport, toConnectivityError(streamError), attempt);
        return;
      }
      this.#deps.onEnd(outcome, connection);
      if (this.#deps.now().transport !== transport) return;
      // A target may reset a client for good reasons: that alone says nothing against it.
      const refused = streamError instanceof ConnectivityError && streamError.facts["reset_by"] !== "target";
      if (refused) this.#deps.onFailed((streamError as ConnectivityError).toFailure());
      else if (outcome.ended === "reset_by_target" || outcome.ended === "connection_lost") this.#deps.onDoubt();
      // Somebody was answered while the check says that nobody is: its cause may be gone.
      else if (outcome.bytesDown !== 0 && this.#deps.now().health.kind === "failing") this.#deps.onDoubt();
    } catch (thrown) {
      if (!gone) this.#connectFailed(connection, transport, toConnectivityError(thrown));
    } finally {
      this.#open--;
    }
  }

  async #connect(
    transport: Transport,
    until: AbortController,
    client: ClientSocket | undefined,
  ): ReturnType<Transport["connect"]> {
    const seconds = connectTimeoutMs / 1000;
    using _deadline = this.#deps.clock.after(connectTimeoutMs, () =>
      until.abort(new ConnectivityError("operation_timed_out", `no connection to the target within ${seconds} s`)),
    );
    return await transport.connect({ signal: until.signal, ...(client && { client }) });
  }

  /** The client still has all that it sent to deliver. */
  #undelivered(connection: LocalConnection, transport: Transport, error: ConnectivityError, attempt: number): void {
    if (this.#deps.now().transport !== transport || attempt >= triesAtOnce)
      return this.#connectFailed(connection, transport, error);
    this.#deps.onDoubt();
    void this.#forward(connection, transport, attempt + 1);
  }

  /** Nothing of the client's was delivered yet, so it may wait for a better time, unless that will not come by itself. */
  #connectFailed(connection: LocalConnection, transport: Transport, error: ConnectivityError): void {
    if (this.#successor) return this.#successor.accept(connection, this.#deadlines.get(connection));
    const now = this.#deps.now();
    if (now.transport === transport) this.#deps.onFailed(error.toFailure());
    if (!error.retryable || !now.wanted || this.#isHopeless()) {
      this.#refuse(connection);
      return;
    }
    const { transport: current } = this.#deps.now();
    // The transport was replaced while this one tried the old: nobody else would call it out of the room.
    if (current && current !== transport && this.#admits()) void this.#forward(connection, current);
    else this.#room.enter(connection, this.#deadlines.get(connection));
  }

  #refuse(connection: LocalConnection): void {
    connection.reset();
    this.#deps.onRefused(connection);
  }
}
