import type { Duplex } from "node:stream";
import type { Client, ClientCallback, NegotiatedAlgorithms } from "ssh2";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import type { ConnectivityError, Facts } from "#domain/connectivity-error.ts";
import { ChannelStream, type ChannelOwner } from "./channel-stream.ts";
import { channelOpenError, connectionLost } from "./errors.ts";

/** Private to ssh2 (Protocol.js, crypto.js): the only place that tells which crypto a connection really uses. */
interface ProtocolInternals {
  readonly ["_protocol"]?: { readonly ["_cipher"]?: object };
}

/** One authenticated SSH connection with its channels. Ends once; every channel ends with it. */
export class SshConnection implements ChannelOwner {
  /** Resolves once, when it is over: with the cause, or `undefined` after our own `end`/`destroy`. */
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #negotiated: NegotiatedAlgorithms | undefined;
  readonly #server: string;
  readonly #streams = new Set<ChannelStream>();
  readonly #waitingForDrain: (() => void)[] = [];
  #state: "open" | "ending" | "closed" = "open";
  #cause: unknown;

  /** @param client ready, with nobody else listening; @param server the software it says it is, in our words */
  constructor(client: Client, socket: Duplex, negotiated: NegotiatedAlgorithms | undefined, server: string) {
    this.#client = client;
    this.#socket = socket;
    this.#negotiated = negotiated;
    this.#server = server;
    const closed = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = closed.promise;
    client.on("error", (error) => {
      this.#cause ??= error;
    });
    // `end` too: half of a TCP connection is of no use to SSH, and `close` may come late.
    client.on("end", () => this.#over(closed.resolve));
    client.on("close", () => this.#over(closed.resolve));
    socket.on("drain", () => {
      for (const callback of this.#waitingForDrain.splice(0)) callback();
    });
    // Lost between its last event and this constructor.
    if (socket.destroyed) this.#over(closed.resolve);
  }

  get alive(): boolean {
    return this.#state === "open";
  }

  facts(): Facts {
    const { kex, serverHostKey, cs } = this.#negotiated ?? {};
    const { ["_protocol"]: protocol } = this.#client as unknown as ProtocolInternals;
    const cipher = protocol?.["_cipher"]?.constructor.name ?? "";
    return {
      server: this.#server,
      ...(cs && { cipher: cs.cipher, ...(cs.mac && { mac: cs.mac }) }),
      ...(kex && { kex, host_key: serverHostKey ?? "" }),
      // ssh2 names its JavaScript classes "Native" (Node's own crypto) and those of its addon "Binding".
      crypto: cipher.endsWith("Binding") ? "native" : "javascript",
    };
  }

  /**
   * Opens a channel to a host and port, or a Unix socket, as the server sees them.
   * @throws ConnectivityError `connection_lost`, `ssh_forwarding_prohibited`, `target_unreachable`, `ssh_session_limit`; the signal's reason
   */
  open(to: RouteTarget, signal: AbortSignal): Promise<TunnelStream> {
    const opening = Promise.withResolvers<TunnelStream>();
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const target = "socket" in to ? to.socket : `${to.host}:${to.port}`;
    const onAbort = (): void => opening.reject(signal.reason);
    let settled = false;
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const onAnswer: ClientCallback = (error, channel) => {
        settled = true;
        signal.removeEventListener("abort", onAbort);
        if (error) return opening.reject(channelOpenError(error, target, this.#cause));
        const stream = new ChannelStream(channel, this);
        // Nobody waits any more: it must not stay open at the target.
        if (signal.aborted) return void stream.destroy();
        this.#streams.add(stream);
        stream.once("close", () => this.#streams.delete(stream));
        opening.resolve(stream);
      };
      if ("socket" in to) this.#client.openssh_forwardOutStreamLocal(to.socket, onAnswer);
      else this.#client.forwardOut("127.0.0.1", 0, to.host, to.port, onAnswer);
    } catch (error) {
      // ssh2 throws "Not connected" here, outside its callback.
      signal.removeEventListener("abort", onAbort);
      if (!settled) opening.reject(connectionLost(this.#cause ?? error));
    }
    return opening.promise;
  }

  whenWritable(callback: () => void): void {
    if (this.#socket.writableNeedDrain && this.#state !== "closed") this.#waitingForDrain.push(callback);
    else callback();
  }

  /** Says goodbye and closes. Idempotent. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#client.end();
    // A server that does not close its side must not hold the socket.
    setTimeout(() => this.#socket.destroy(), 1000).unref();
  }

  /** Cuts now. Idempotent. */
  destroy(): void {
    if (this.#state === "open") this.#state = "ending";
    this.#socket.destroy();
  }

  #over(resolve: (cause: ConnectivityError | undefined) => void): void {
    if (this.#state === "closed") return;
    const lost = this.#state === "open" ? connectionLost(this.#cause) : undefined;
    this.#state = "closed";
    this.#socket.destroy();
    for (const stream of this.#streams) stream.destroy(lost ?? connectionLost(undefined));
    for (const callback of this.#waitingForDrain.splice(0)) callback();
    resolve(lost);
  }
}
