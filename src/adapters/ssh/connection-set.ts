import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { ClientSocket } from "#application/ports/local-listener.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Dial } from "./pooled-server.ts";

/** Against a server that refuses for another reason than it says. */
const mostConnections = 8;

interface Member {
  readonly connection: ServerConnection;
  /** It refused a channel when it had this many: with fewer it may take one again. */
  fullAt: number;
}

/**
 * Connections to one server that carry channels as one: the first as long as it has room, then a further one. Those
 * beyond the first are closed when they have been empty for the linger time. Over when none is left.
 */
export class ConnectionSet {
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #members: Member[] = [];
  readonly #dial: Dial;
  readonly #lingerMs: number;
  readonly #over = new AbortController();
  readonly #resolve: (cause: ConnectivityError | undefined) => void;
  #growing: Promise<void> | undefined;
  #last: ServerConnection;

  constructor(first: ServerConnection, dial: Dial, lingerMs: number) {
    this.#dial = dial;
    this.#lingerMs = lingerMs;
    this.#last = first;
    const closed = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = closed.promise;
    this.#resolve = closed.resolve;
    this.#add(first);
  }

  get alive(): boolean {
    return this.#members.some(({ connection }) => connection.alive);
  }
  get first(): ServerConnection {
    return this.#members[0]?.connection ?? this.#last;
  }

  facts(): Facts {
    const count = this.#members.length;
    return { ...this.first.facts(), ...(count > 1 && { connections: count }) };
  }

  /** @throws ConnectivityError as `ServerConnection.open`; `ssh_session_limit` when a further connection has no room either */
  async open(to: RouteTarget, signal: AbortSignal, client?: ClientSocket): Promise<TunnelStream> {
    for (;;) {
      let refusal: ConnectivityError | undefined;
      for (const member of this.#withRoom()) {
        try {
          return await this.#openAt(member, to, signal, client);
        } catch (error) {
          if (!isFull(error)) throw error;
          refusal = error;
        }
      }
      // One that takes not even its first channel has no room by its own rules: a further one would not help.
      const helpless = this.#members.some(({ fullAt }) => fullAt === 0) || this.#members.length >= mostConnections;
      if (helpless || !this.alive) throw refusal ?? noRoom();
      await this.#grown(signal);
    }
  }

  /** Ends those that do not answer within that time. */
  async verify(withinMs: number): Promise<void> {
    await Promise.all(this.#members.map(({ connection }) => connection.verify(withinMs)));
  }

  /** Says goodbye on all. */
  end(): void {
    this.#over.abort(new ConnectivityError("cancelled", "the connection is not used any more"));
    for (const { connection } of this.#members) connection.end();
  }

  /** Cuts all; resolves when they are closed. */
  async destroy(): Promise<void> {
    this.#over.abort(new ConnectivityError("cancelled", "the SSH driver was closed"));
    const all = this.#members.map(({ connection }) => connection);
    for (const connection of all) connection.destroy();
    await Promise.all(all.map(({ closed }) => closed));
  }

  #withRoom(): Member[] {
    return this.#members.filter(({ connection, fullAt }) => connection.alive && connection.channels < fullAt);
  }

  async #openAt(
    member: Member,
    to: RouteTarget,
    signal: AbortSignal,
    client: ClientSocket | undefined,
  ): Promise<TunnelStream> {
    try {
      const stream = await member.connection.open(to, signal, client);
      if (member !== this.#members[0]) stream.once("close", () => this.#closeIfEmpty(member));
      return stream;
    } catch (error) {
      if (isFull(error)) member.fullAt = Math.min(member.fullAt, member.connection.channels);
      throw error;
    }
  }

  /** A further connection, one for all that need it now. */
  async #grown(signal: AbortSignal): Promise<void> {
    this.#growing ??= this.#grow().finally(() => {
      this.#growing = undefined;
    });
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#growing, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #grow(): Promise<void> {
    const connection = await this.#dial(this.#over.signal);
    if (this.#over.signal.aborted) connection.destroy();
    this.#add(connection);
  }

  #add(connection: ServerConnection): void {
    const member: Member = { connection, fullAt: Number.POSITIVE_INFINITY };
    this.#members.push(member);
    void connection.closed.then((cause) => {
      this.#last = connection;
      this.#members.splice(this.#members.indexOf(member), 1);
      if (this.#members.length === 0) this.#resolve(cause);
    });
  }

  #closeIfEmpty(member: Member): void {
    setTimeout(() => {
      if (member !== this.#members[0] && member.connection.channels === 0) member.connection.end();
    }, this.#lingerMs).unref();
  }
}

const noRoom = (): ConnectivityError =>
  new ConnectivityError("ssh_session_limit", "the SSH server has no room for a further connection");

const isFull = (error: unknown): error is ConnectivityError =>
  error instanceof ConnectivityError && error.code === "ssh_session_limit";
