import { brokenProtocol } from "./spdy-decoder.ts";

/** Takes what a client reads of a WebSocket, in order. */
export interface WebSocketSink {
  /** Payload of binary messages; borders of frames mean nothing. A view of the received chunk. */
  bytes(chunk: Buffer): void;
  /** A binary message begins, for who cares about borders. */
  message?(): void;
  ping(payload: Buffer): void;
  /** An answer to a ping of ours, with its payload. */
  pong?(payload: Buffer): void;
  /** The peer closes; 1005 when it gave no status. */
  close(status: number): void;
}

const maxControlPayload = 125;

/**
 * Reads the frames that a WebSocket server sends (RFC 6455, section 5.2) from chunks that are cut anywhere. A payload is
 * handed on as it comes; at most one control frame (125 bytes) is kept between chunks.
 */
export class WebSocketDecoder {
  readonly #sink: WebSocketSink;
  readonly #head = Buffer.alloc(10);
  #filled = 0;
  #wanted = 2;
  #left = 0;
  #opcode = 0;
  #inPayload = false;
  /** Inside a fragmented binary message. */
  #fragmented = false;
  #control: Buffer[] = [];

  constructor(sink: WebSocketSink) {
    this.#sink = sink;
  }

  /** @throws ConnectivityError `connection_lost` when the bytes break RFC 6455 or a text message comes */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#inPayload) {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#payload(chunk.subarray(at, end));
        at = end;
        if (this.#left === 0) this.#frameEnd();
      } else {
        const taken = Math.min(this.#wanted - this.#filled, chunk.length - at);
        chunk.copy(this.#head, this.#filled, at, at + taken);
        this.#filled += taken;
        at += taken;
        if (this.#filled === this.#wanted) this.#header();
      }
    }
  }

  #header(): void {
    const short = this.#head.readUInt8(1) & 0x7f;
    if (this.#wanted === 2) {
      this.#check(this.#head.readUInt8(0), this.#head.readUInt8(1), short);
      if (short >= 126) {
        this.#wanted = short === 126 ? 4 : 10;
        return;
      }
    }
    this.#left = this.#wanted === 2 ? short : this.#longLength();
    this.#filled = 0;
    this.#wanted = 2;
    this.#inPayload = true;
    if (this.#left === 0) this.#frameEnd();
  }

  #longLength(): number {
    if (this.#wanted === 4) return this.#head.readUInt16BE(2);
    const high = this.#head.readUInt32BE(2);
    if (high > 0x1f_ffff) throw brokenProtocol("a WebSocket frame announces an impossible length");
    return high * 0x1_0000_0000 + this.#head.readUInt32BE(6);
  }

  #check(first: number, second: number, short: number): void {
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) throw brokenProtocol("a WebSocket frame uses an extension that was not agreed on");
    if ((second & 0x80) !== 0) throw brokenProtocol("a WebSocket frame of the server is masked");
    if (opcode >= 8) {
      if (opcode > 10 || !final || short > maxControlPayload)
        throw brokenProtocol("a WebSocket control frame is malformed");
    } else if (opcode === 1) throw brokenProtocol("the server sent text where only bytes belong");
    else if (opcode > 2) throw brokenProtocol("a WebSocket frame has an unknown type");
    else if ((opcode === 0) !== this.#fragmented) throw brokenProtocol("WebSocket fragments are out of order");
    else this.#fragmented = !final;
    this.#opcode = opcode;
    if (opcode === 2) this.#sink.message?.();
  }

  #payload(bytes: Buffer): void {
    if (this.#opcode <= 2) this.#sink.bytes(bytes);
    else this.#control.push(Buffer.from(bytes));
  }

  #frameEnd(): void {
    this.#inPayload = false;
    if (this.#opcode <= 2) return;
    const payload = Buffer.concat(this.#control);
    this.#control = [];
    if (this.#opcode === 9) this.#sink.ping(payload);
    else if (this.#opcode === 10) this.#sink.pong?.(payload);
    else if (this.#opcode === 8) this.#sink.close(payload.length >= 2 ? payload.readUInt16BE(0) : 1005);
  }
}
