import type { Duplex } from "node:stream";
import type { Channel, Client, ClientCallback, NegotiatedAlgorithms } from "ssh2";
import type { Expiry } from "#application/ports/expiry.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { RouteTarget } from "#application/ports/route.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { ChannelStream, type ChannelOwner } from "./channel-stream.ts";
import { Channels } from "./channels.ts";
import { makePackets } from "./outgoing-packets.ts";
import { ownReads, type Reads } from "./reused-reads.ts";
import type { Incoming, Listening, RemoteListen, ServerConnection } from "./server-connection.ts";
import { channelOpenError, connectionLost } from "./errors.ts";
import { isStillThere, unanswered } from "./still-there.ts";

/** Private to ssh2 (Protocol.js, crypto.js): the only place that tells which crypto a connection really uses. */
interface ProtocolInternals {
  readonly ["_protocol"]?: { readonly ["_cipher"]?: object };
}

/** One authenticated SSH connection with its channels. Ends once; every channel ends with it. */
export class SshConnection implements ServerConnection, ChannelOwner {
  /** Resolves once, when it is over: with the cause, or `undefined` after our own `end`/`destroy`. */
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly reads: Reads;
  readonly #client: Client;
  readonly #channels: Channels;
  readonly #socket: Duplex;
  readonly #negotiated: NegotiatedAlgorithms | undefined;
  readonly #server: string;
  readonly #resolve: (cause: ConnectivityError | undefined) => void;
  readonly #streams = new Set<ChannelStream>();
  readonly #waitingForDrain: (() => void)[] = [];
  readonly #listeners = new Map<string, (incoming: Incoming) => void>();
  #opening = 0;
  #state: "open" | "ending" | "closed" = "open";
  #cause: unknown;

  /** @param client ready, with nobody else listening; @param server the software it says it is, in our words */
  constructor(
    client: Client,
    { socket, reads }: { readonly socket: Duplex; readonly reads: Reads },
    negotiated: NegotiatedAlgorithms | undefined,
    server: string,
  ) {
    this.#client = client;
    this.#channels = new Channels(client);
    this.#socket = socket;
    this.reads = reads;
    this.#negotiated = negotiated;
    this.#server = server;
    const closed = Promise.withResolvers<ConnectivityError | undefined>();
    this.closed = closed.promise;
    this.#resolve = closed.resolve;
    const takeOver = (): void => makePackets(client, reads !== ownReads);
    takeOver();
    client.on("handshake", takeOver);
    client.on("error", (error) => {
      this.#cause ??= error;
    });
    // `end` too: half of a TCP connection is of no use to SSH, and `close` may come late.
    client.on("end", () => this.#over());
    client.on("close", () => this.#over());
    client.on("tcp connection", ({ destIP, destPort }, accept, reject) =>
      this.#onIncoming(`${destIP}:${destPort}`, accept, reject),
    );
    client.on("unix connection", ({ socketPath }, accept, reject) => this.#onIncoming(socketPath, accept, reject));
    socket.on("drain", () => {
      for (const callback of this.#waitingForDrain.splice(0)) callback();
    });
    // Lost between its last event and this constructor.
    if (socket.destroyed) this.#over();
  }

  /** Channels that are open, or asked for. */
  get channels(): number {
    return this.#streams.size + this.#opening;
  }
  get alive(): boolean {
    return this.#state === "open";
  }

  /** Keys and passwords have no end that is known. */
  expiries(): readonly Expiry[] {
    return [];
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
        this.#opening--;
        signal.removeEventListener("abort", onAbort);
        if (error) return opening.reject(channelOpenError(error, target, this.#cause));
        const stream = new ChannelStream(this.#channels.opened(channel), this);
        // Nobody waits any more: it must not stay open at the target.
        if (signal.aborted) return void stream.destroy();
        this.#streams.add(stream);
        stream.once("close", () => this.#streams.delete(stream));
        opening.resolve(stream);
      };
      this.#opening++;
      if ("socket" in to) this.#client.openssh_forwardOutStreamLocal(to.socket, onAnswer);
      else this.#client.forwardOut("127.0.0.1", 0, to.host, to.port, onAnswer);
    } catch (error) {
      // ssh2 throws "Not connected" here, outside its callback.
      signal.removeEventListener("abort", onAbort);
      if (settled) return opening.promise;
      this.#opening--;
      opening.reject(connectionLost(this.#cause ?? error));
    }
    return opening.promise;
  }

  async ask(signal: AbortSignal): Promise<void> {
    // To end a forward that there never was: refused, or granted for nothing.
    await this.#request(signal, (answered) =>
      this.#client.unforwardIn("portwright.invalid", 1, () => answered(undefined)),
    );
  }

  async verify(withinMs: number): Promise<void> {
    if (!this.alive || (await isStillThere(this.#socket, (signal) => this.ask(signal), withinMs))) return;
    this.#over(unanswered());
  }

  async listen(
    { bind, port, socket }: RemoteListen,
    onConnection: (incoming: Incoming) => void,
    signal: AbortSignal,
  ): Promise<Listening> {
    const [error, bound = port] = await this.#request<[unknown?, number?]>(signal, (answered) => {
      if (socket === undefined) this.#client.forwardIn(bind, port, (...answer) => answered(answer));
      else this.#client.openssh_forwardInStreamLocal(socket, (refused) => answered([refused]));
    });
    const key = socket ?? `${bind}:${bound}`;
    const close = (): void => {
      this.#listeners.delete(key);
      if (!this.alive) return;
      if (socket === undefined) this.#client.unforwardIn(bind, bound, () => undefined);
      else this.#client.openssh_unforwardInStreamLocal(socket, () => undefined);
    };
    if (error)
      throw new ConnectivityError(
        "remote_port_in_use",
        "the SSH server does not listen there",
        { port: bound },
        { cause: error },
      );
    // Nobody waits any more: it must not stay.
    if (signal.aborted) close();
    signal.throwIfAborted();
    this.#listeners.set(key, onConnection);
    return { port: bound, close };
  }

  #onIncoming(key: string, accept: () => Channel, reject: () => void): void {
    const onConnection = this.#listeners.get(key);
    if (!onConnection) return reject();
    onConnection({
      accept: () => {
        const stream = new ChannelStream(this.#channels.accepted(accept()), this);
        // Its connection may be gone by the time that the target is there.
        if (this.#state === "closed") stream.destroy(connectionLost(this.#cause));
        this.#streams.add(stream);
        stream.once("close", () => this.#streams.delete(stream));
        return stream;
      },
      reject,
    });
  }

  /** One question and its answer, which a lost connection or an aborted signal cuts short. */
  async #request<T>(signal: AbortSignal, send: (answered: (answer: T) => void) => void): Promise<T> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    void this.closed.then((lost) => reject(lost ?? connectionLost(undefined)));
    try {
      send(resolve);
    } catch (error) {
      // ssh2 throws "Not connected" here.
      reject(connectionLost(this.#cause ?? error));
    }
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get full(): boolean {
    return this.#socket.writableNeedDrain;
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

  #over(cause?: ConnectivityError): void {
    if (this.#state === "closed") return;
    const lost = this.#state === "open" ? (cause ?? connectionLost(this.#cause)) : undefined;
    this.#state = "closed";
    this.#socket.destroy();
    for (const stream of this.#streams) stream.destroy(lost ?? connectionLost(undefined));
    for (const callback of this.#waitingForDrain.splice(0)) callback();
    this.#resolve(lost);
  }
}
