import type { Socket } from "node:net";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { toConnectivityError } from "#domain/connectivity-error.ts";
import { WebSocketDecoder } from "./websocket-decoder.ts";
import { frameHeader, masked, maskingKey, opcode } from "./websocket-frames.ts";

export interface ByteSink {
  bytes(chunk: Buffer): void;
  /** Called once; without an error when the peer closed in order. */
  ended(error?: ConnectivityError): void;
}

/** An upgraded connection as two byte streams, whatever carries them. */
export interface ByteLink {
  /** For people and facts: `websocket` or `spdy`. */
  readonly protocol: string;
  /** Begins to read. Called once. */
  start(sink: ByteSink): void;
  /** Writes a header and the payload after it together; `done` when the system took them, or when it never will. */
  write(header: Buffer, payload: Buffer | undefined, done: () => void): void;
  /** Holds what is written until the end of this turn of the event loop, so that it leaves in one piece. */
  gather(): void;
  pause(): void;
  resume(): void;
  /** Says good-bye and closes. */
  end(): void;
  destroy(): void;
}

abstract class SocketLink implements ByteLink {
  abstract readonly protocol: string;
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
    const finish = (error?: ConnectivityError): void => {
      if (this.#ended) return;
      this.#ended = true;
      this.socket.destroy();
      sink.ended(error);
    };
    const take = this.decoder(sink, finish);
    const read = (chunk: Buffer): void => {
      if (this.#ended) return;
      try {
        take(chunk);
      } catch (error) {
        finish(toConnectivityError(error));
      }
    };
    this.socket.on("close", () => finish());
    this.socket.on("end", () => finish());
    if (this.#head.length > 0) read(this.#head);
    this.socket.on("data", read);
    if (this.socket.destroyed) finish();
  }

  gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.socket.cork();
    setImmediate(() => {
      this.#gathering = false;
      this.socket.uncork();
    });
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  abstract write(header: Buffer, payload: Buffer | undefined, done: () => void): void;
  abstract end(): void;
  /** How received chunks become the sink's bytes. */
  protected abstract decoder(sink: ByteSink, finish: (error?: ConnectivityError) => void): (chunk: Buffer) => void;

  /** Both in one system call. */
  protected send(header: Buffer, payload: Buffer | undefined, done: () => void): void {
    if (payload === undefined || payload.length === 0) {
      this.socket.write(header, done);
      return;
    }
    this.socket.cork();
    this.socket.write(header);
    this.socket.write(payload, done);
    this.socket.uncork();
  }
}

/** SPDY directly on an upgraded connection: what servers before 1.31 and some gateways speak. */
export class RawLink extends SocketLink {
  readonly protocol = "spdy";

  write(header: Buffer, payload: Buffer | undefined, done: () => void): void {
    this.send(header, payload, done);
  }

  end(): void {
    this.socket.end();
  }

  protected decoder(sink: ByteSink): (chunk: Buffer) => void {
    return (chunk) => sink.bytes(chunk);
  }
}

/** SPDY in the binary messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`). Pings of the server are answered here. */
export class WebSocketLink extends SocketLink {
  readonly protocol = "websocket";
  /** Inside TLS a key of zeros is legal and costs nothing; in clear text it must be random. */
  readonly #masking: boolean;

  constructor(socket: Socket, head: Buffer, encrypted: boolean) {
    super(socket, head);
    this.#masking = !encrypted;
  }

  write(header: Buffer, payload: Buffer | undefined, done: () => void): void {
    if (this.#masking) {
      this.#message(opcode.binary, payload === undefined ? header : Buffer.concat([header, payload]), done);
    } else {
      const outer = frameHeader(opcode.binary, header.length + (payload?.length ?? 0));
      this.send(Buffer.concat([outer, header]), payload, done);
    }
  }

  end(): void {
    this.#message(opcode.close, Buffer.from([0x03, 0xe8]), ignore); // 1000: done
    this.socket.end();
  }

  #message(type: number, payload: Buffer, done: () => void): void {
    const key = this.#masking ? maskingKey() : undefined;
    this.socket.write(
      Buffer.concat([frameHeader(type, payload.length, key), key === undefined ? payload : masked(payload, key)]),
      done,
    );
  }

  protected decoder(sink: ByteSink, finish: () => void): (chunk: Buffer) => void {
    const decoder = new WebSocketDecoder({
      bytes: (chunk) => sink.bytes(chunk),
      ping: (payload) => this.#message(opcode.pong, payload, ignore),
      close: () => finish(),
    });
    return (chunk) => decoder.push(chunk);
  }
}

function ignore(): void {}
