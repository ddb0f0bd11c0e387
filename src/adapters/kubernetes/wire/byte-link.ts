import type { Socket } from "node:net";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { readInto } from "./read-into.ts";
import { brokenProtocol } from "./spdy-decoder.ts";
import { WebSocketDecoder } from "./websocket-decoder.ts";
import { longestHeader, opcode, putFrameHeader, wholeFrame } from "./websocket-frames.ts";

export interface ByteSink {
  /** Received bytes: a view, valid until this returns. */
  bytes(chunk: Buffer): void;
  /** A message of a WebSocket begins; its bytes follow. */
  message?(): void;
  /** Anything came, if only an answer to a ping. */
  heard?(): void;
  /** An answer to a ping of the WebSocket, with its payload. */
  pong?(payload: Buffer): void;
  /** Called once. `goodbye`: the peer said that it closes in order, where the protocol has words for it. */
  ended(error?: ConnectivityError, goodbye?: boolean): void;
}

/** An upgraded connection as two byte streams, whatever carries them. */
export interface ByteLink {
  /** For people and facts: `websocket` or `spdy`. */
  readonly protocol: string;
  /** Room that `write` needs before the bytes. */
  readonly headroom: number;
  /** Begins to read. Called once. */
  start(sink: ByteSink): void;
  /**
   * Writes what stands in a buffer after `headroom`; the buffer belongs to the link until `done`: when the system took the
   * bytes, or when it never will.
   */
  write(buffer: Buffer, done: () => void): void;
  /** Holds what is written until shortly after this turn of the event loop, so that it leaves in one piece. */
  gather(): void;
  pause(): void;
  resume(): void;
  /** Says good-bye and closes, by force when the peer does not follow. */
  end(): void;
  destroy(): void;
}

/** How long the peer may take to answer our good-bye. */
const goodbyeMs = 2000;
/** How long what was written before it may take to be taken. */
const unsentMs = 60_000;

type Finish = (error?: ConnectivityError, goodbye?: boolean) => void;

abstract class SocketLink implements ByteLink {
  abstract readonly protocol: string;
  abstract readonly headroom: number;
  protected readonly socket: Socket;
  readonly #head: Buffer;
  #ended = false;
  #gathering = false;

  constructor(socket: Socket, head: Buffer) {
    this.socket = socket;
    this.#head = head;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    // Until it is started: a connection that breaks in between must not be an uncaught error.
    socket.on("error", ignore);
  }

  start(sink: ByteSink): void {
    const finish = (error?: ConnectivityError, goodbye = false): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.socket.destroy();
      sink.ended(error, goodbye);
    };
    const take = this.decoder(sink, finish);
    const read = (chunk: Buffer): void => {
      if (this.#ended) return;
      try {
        sink.heard?.();
        take(chunk);
      } catch (error) {
        finish(toConnectivityError(error));
      }
    };
    this.socket.on("close", () => finish());
    this.socket.on("end", () => finish());
    if (this.#head.length > 0) read(this.#head);
    readInto(this.socket, read);
    if (this.socket.destroyed) finish();
  }

  /**
   * Two turns: a client that has just been accepted is read for the first time in the next one, and its first bytes leave
   * together with the frames that open its stream.
   */
  gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.socket.cork();
    const release = (): void => {
      this.#gathering = false;
      this.socket.uncork();
    };
    setImmediate(() => setImmediate(release));
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.goodbye();
    // What still comes is read and thrown away: otherwise the peer's end would never be seen.
    this.socket.resume();
    let force = setTimeout(() => this.socket.destroy(), unsentMs).unref();
    this.socket.end(() => {
      clearTimeout(force);
      force = setTimeout(() => this.socket.destroy(), goodbyeMs).unref();
    });
    this.socket.once("close", () => clearTimeout(force));
  }

  destroy(): void {
    this.socket.destroy();
  }

  abstract write(buffer: Buffer, done: () => void): void;
  protected abstract goodbye(): void;
  /** How received chunks become the sink's bytes. */
  protected abstract decoder(sink: ByteSink, finish: Finish): (chunk: Buffer) => void;
}

/** SPDY directly on an upgraded connection: what servers before 1.31 and some gateways speak. */
export class RawLink extends SocketLink {
  readonly protocol = "spdy";
  readonly headroom = 0;

  write(buffer: Buffer, done: () => void): void {
    this.socket.write(buffer, done);
  }

  protected goodbye(): void {}

  protected decoder(sink: ByteSink): (chunk: Buffer) => void {
    return (chunk) => sink.bytes(chunk);
  }
}

/** Pongs that may wait to be sent: a peer that pings on without reading them is none. */
const mostQueued = 4 * 1024 * 1024;

/** Bytes in the binary messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`). Pings of the server are answered here. */
export class WebSocketLink extends SocketLink {
  readonly protocol: string = "websocket";
  readonly headroom = longestHeader;
  /** Inside TLS a key of zeros is legal and costs nothing; in clear text it must be random. */
  readonly #masking: boolean;

  constructor(socket: Socket, head: Buffer, encrypted: boolean) {
    super(socket, head);
    this.#masking = !encrypted;
  }

  write(buffer: Buffer, done: () => void): void {
    const start = putFrameHeader(opcode.binary, buffer, longestHeader, this.#masking);
    this.socket.write(start === 0 ? buffer : buffer.subarray(start), done);
  }

  /** A ping of the WebSocket itself. @param payload comes back with its answer; at most 125 bytes */
  ping(payload: Buffer = Buffer.alloc(0)): void {
    this.socket.write(wholeFrame(opcode.ping, payload, this.#masking));
  }

  protected goodbye(): void {
    this.socket.write(wholeFrame(opcode.close, Buffer.from([0x03, 0xe8]), this.#masking)); // 1000: done
  }

  protected decoder(sink: ByteSink, finish: Finish): (chunk: Buffer) => void {
    const decoder = new WebSocketDecoder({
      bytes: (chunk) => sink.bytes(chunk),
      message: () => sink.message?.(),
      ping: (payload) => {
        if (this.socket.writableLength > mostQueued) throw brokenProtocol("the server asks without reading answers");
        this.socket.write(wholeFrame(opcode.pong, payload, this.#masking));
      },
      pong: (payload) => sink.pong?.(payload),
      close: (status) => finish(closedBy(status), true),
    });
    return (chunk) => decoder.push(chunk);
  }
}

/** 1000 and 1005 (none given) are the end in order. */
function closedBy(status: number): ConnectivityError | undefined {
  if (status === 1000 || status === 1005) return undefined;
  const facts = { close_status: status };
  return new ConnectivityError("connection_lost", "the tunnel to the pod is gone: the cluster closed it", facts);
}

function ignore(): void {}
