import type { Socket } from "node:net";
import type { Clock } from "#application/ports/clock.ts";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import type { ClientSocket, LocalConnection, RelayOutcome, Undelivered } from "#application/ports/local-listener.ts";
import type { ConnectionClients, PortOwner } from "#application/ports/port-owner.ts";
import type { AbandonedPeers, Family } from "./abandoned-peer.ts";
import { type ByteSource, streamSource } from "./byte-source.ts";
import { followCarried, isCarried } from "./carried-stream.ts";
import { type DirectStream, isDirect } from "./direct-stream.ts";
import { KeptInput, mostKeptBytes } from "./kept-input.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { relay, reset } from "./relay.ts";
import { isPlainSocket, socketSource } from "./socket-source.ts";

/** A client that ended its output and waits for an answer is looked after this often: it may give up. */
const recheckMs = 1000;

/** A target usually ends by itself when its client does; only then it is looked whether the client is still there. */
const attendMs = 50;

/** Who opened a connection is looked for when it has lasted this long: short ones come in thousands. */
const lastingMs = 100;

/** The part of a socket that is not in its types. */
interface Handled {
  readonly _handle: object | null;
}

interface Peer {
  readonly port: number;
  readonly ourPort: number;
  readonly family: Family;
  /** On this machine. */
  readonly here: boolean;
}

function peerOf({ remotePort = 0, localPort = 0, remoteFamily, remoteAddress = "" }: Socket): Peer {
  const family = remoteFamily === "IPv6" ? "IPv6" : "IPv4";
  return { port: remotePort, ourPort: localPort, family, here: /^(127\.|::1$|::ffff:127\.)/.test(remoteAddress) };
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly buffers: ReadBuffers;
  readonly peers: AbandonedPeers;
  readonly clients?: ConnectionClients;
}

/**
 * An accepted connection. A socket that is not read sees neither FIN nor RST, so with the first `onGone` it begins to
 * read, at most 64 KiB, kept in order for the relay. Gone is a client that reset the connection, and one that closed it
 * without having sent anything. One that sent something and closed has bytes to deliver and is not gone, nor is one that
 * only ended its output: it waits for its answer. (Beyond 64 KiB, and where the system does not tell a closed socket
 * from a half-closed one, nothing is noticed before the relay.)
 */
export class AcceptedConnection implements LocalConnection {
  readonly id: number;
  readonly client?: Promise<PortOwner | undefined>;
  readonly #deps: ConnectionDeps;
  readonly #source: ByteSource;
  #known: Peer | undefined;
  readonly #early: Buffer[] = [];
  #earlyBytes = 0;
  #ended = false;
  #looking = false;
  #state: "unread" | "watched" | "relayed" | "gone" = "unread";
  #onGone: (() => void)[] = [];
  #recheck: Disposable | undefined;

  constructor(id: number, socket: Socket, deps: ConnectionDeps) {
    this.id = id;
    this.#deps = deps;
    this.#source = socketSource(socket, deps.buffers);
    if (deps.clients) this.client = this.#opener(deps.clients);
    this.#source.stream.on("error", () => undefined);
    this.#source.stream.once("close", () => this.#gone());
    this.#source.stream.once("end", () => {
      this.#ended = true;
      if (this.#state === "watched") void this.#lookAfter();
    });
  }

  /** Asked for when it is needed: most connections end without. */
  get #peer(): Peer {
    return (this.#known ??= peerOf(this.#source.stream as Socket));
  }

  reset(): void {
    if (this.#state !== "relayed") this.#leave();
    reset(this.#source.stream);
  }

  onGone(listener: () => void): void {
    if (this.#state === "relayed") return;
    if (this.#state === "gone") return queueMicrotask(listener);
    this.#onGone.push(listener);
    if (this.#state === "unread") this.#watch();
  }

  socket(): ClientSocket | undefined {
    const { stream } = this.#source;
    const handle: unknown = (stream as Partial<Handled>)._handle;
    if (this.#state !== "unread" || stream.destroyed || typeof handle !== "object" || handle === null) return undefined;
    return { handle, spoil: () => this.reset() };
  }

  async relay(target: TunnelStream): Promise<RelayOutcome | Undelivered> {
    if (this.#state !== "gone") this.#state = "relayed";
    this.#release();
    if (isCarried(target)) return followCarried(this.#source, target, this.#deps.clock);
    if (isPlainSocket(target)) target.setNoDelay(true);
    // The mark of a moved socket: an error that it is destroyed with has nobody else to go to.
    target.on("error", () => undefined);
    const early = { bytes: this.#early.splice(0), ended: this.#ended };
    const kept = new KeptInput();
    const relaying = relay(this.#source, early, this.#sourceOf(target), this.#deps.clock, this.#deps.buffers, kept);
    if (isDirect(target)) this.#attend(target, relaying);
    const outcome = await relaying;
    if (outcome.ended === "undelivered") this.#takeBack(kept.whole ?? []);
    return outcome;
  }

  /** The program at the other end, once the connection has lasted; `undefined` when it ends before. */
  #opener(clients: ConnectionClients): Promise<PortOwner | undefined> {
    const { promise, resolve } = Promise.withResolvers<PortOwner | undefined>();
    const timer = this.#deps.clock.after(lastingMs, () => resolve(clients.find(this.#peer.port, this.#peer.ourPort)));
    this.#source.stream.once("close", () => {
      timer[Symbol.dispose]();
      resolve(undefined);
    });
    return promise;
  }

  /** Reads, up to a bound: beyond it the client's bytes stay with the kernel. */
  #watch(): void {
    this.#state = "watched";
    this.#source.receive((bytes, tenure) => {
      this.#early.push(tenure === "owned" ? bytes : Buffer.from(bytes));
      this.#earlyBytes += bytes.length;
      return this.#earlyBytes < mostKeptBytes;
    }, false);
    if (this.#earlyBytes < mostKeptBytes) this.#source.resume();
  }

  /** As it was before a relay that delivered nothing. */
  #takeBack(bytes: readonly Buffer[]): void {
    // Each relay leaves listeners behind that have nothing to do any more.
    this.#source.stream.setMaxListeners(0);
    this.#early.push(...bytes);
    this.#earlyBytes = bytes.reduce((sum, { length }) => sum + length, 0);
    this.#watch();
    // Its end came during the relay, and comes only once.
    if (this.#ended) void this.#lookAfter();
  }

  /** Once its input is at an end: tells a target that waits to answer when the client is gone. */
  #attend(target: TunnelStream & DirectStream, outcome: Promise<unknown>): void {
    let over = false;
    void outcome.then(() => {
      over = true;
      this.#recheck?.[Symbol.dispose]();
    });
    const look = async (): Promise<void> => {
      if (!this.#peer.here) return;
      const abandoned = await this.#isAbandoned();
      if (over) return;
      if (abandoned) target.unattended();
      else this.#recheck = this.#deps.clock.after(recheckMs, () => void look());
    };
    const lookSoon = (): void => {
      if (!over) this.#recheck = this.#deps.clock.after(attendMs, () => void look());
    };
    if (this.#ended) lookSoon();
    else this.#source.stream.once("end", lookSoon);
  }

  async #isAbandoned(): Promise<boolean> {
    // What another machine's process holds, or has at the other end of a Unix socket, cannot be seen.
    if (!this.#peer.here) return false;
    return this.#deps.peers.abandoned(this.#peer.port, this.#peer.ourPort, this.#peer.family);
  }

  #sourceOf(target: TunnelStream): ByteSource {
    if (isPlainSocket(target)) return socketSource(target, this.#deps.buffers);
    return isDirect(target) ? target.source() : streamSource(target);
  }

  /** Its input is at an end: is the client still there? */
  async #lookAfter(): Promise<void> {
    if (this.#earlyBytes > 0 || !this.#peer.here || this.#looking) return;
    this.#looking = true;
    const abandoned = await this.#isAbandoned();
    this.#looking = false;
    if (this.#state !== "watched") return;
    if (abandoned) {
      const listeners = this.#leave();
      reset(this.#source.stream);
      for (const listener of listeners) listener();
    } else this.#recheck = this.#deps.clock.after(recheckMs, () => void this.#lookAfter());
  }

  #gone(): void {
    if (this.#state === "relayed" || this.#state === "gone") return;
    for (const listener of this.#leave()) listener();
  }

  /** Nobody will relay it; answers who wanted to know. */
  #leave(): (() => void)[] {
    this.#state = "gone";
    this.#early.length = 0;
    return this.#release();
  }

  #release(): (() => void)[] {
    this.#recheck?.[Symbol.dispose]();
    const listeners = this.#onGone;
    this.#onGone = [];
    return listeners;
  }
}
