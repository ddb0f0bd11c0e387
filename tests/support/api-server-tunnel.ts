import net from "node:net";
import type { Duplex } from "node:stream";

/** How the server's end of an upgraded connection is framed. */
export type Framing = "websocket" | "spdy";

interface ServerStream {
  readonly errorId: number;
  readonly dataId: number;
  readonly socket: net.Socket;
  clientDone: boolean;
  targetDone: boolean;
}

const control = (type: number, payload: Buffer): Buffer => {
  const head = Buffer.from([0x80, 3, 0, type, 0, 0, 0, 0]);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
};

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

const dataFrame = (id: number, bytes: Buffer, fin: boolean): Buffer =>
  Buffer.concat([words(id, ((fin ? 1 : 0) << 24) | bytes.length), bytes]);

const nothing = Buffer.alloc(0);

/**
 * A kubelet's end of a port-forward: speaks SPDY/3.1 on an upgraded connection and connects each pair of streams to
 * 127.0.0.1, in the order of frames that containerd uses.
 */
export class ServerTunnel {
  readonly #connection: Duplex;
  readonly #framing: Framing;
  readonly #streams = new Map<number, ServerStream>();
  readonly #errorIds = new Map<string, number>();
  #webSocketBytes: Buffer = nothing;
  #spdyBytes: Buffer = nothing;
  #headersStarted = false;
  #lastId = 0;
  /** Does not answer pings any more, as a dead peer. */
  mute = false;
  /** The pod runs, and nothing in it listens any more. */
  refuses: () => boolean = () => false;
  /** Reads nothing of what it is sent. */
  deaf = false;
  /** How long it takes until it gets to connecting to the pod. */
  dialMs: () => number = () => 0;
  /** Ports of the pod that were asked for. */
  readonly asked: number[] = [];

  constructor(connection: Duplex, head: Buffer, framing: Framing) {
    this.#connection = connection;
    this.#framing = framing;
    connection.on("error", () => {});
    connection.on("data", (chunk: Buffer) => this.#received(chunk));
    connection.on("end", () => connection.end());
    connection.on("close", () => {
      for (const { socket } of this.#streams.values()) socket.destroy();
    });
    connection.on("drain", () => {
      for (const { socket } of this.#streams.values()) socket.resume();
    });
    if (head.length > 0) this.#received(head);
  }

  get streams(): number {
    return this.#streams.size;
  }

  goAway(): void {
    this.send(control(7, words(this.#lastId, 0)));
  }

  ping(id: number): void {
    this.send(control(6, words(id)));
  }

  /** Any bytes, framed as one message. */
  send(bytes: Buffer): boolean {
    if (this.#connection.destroyed) return false;
    if (this.#framing === "spdy") return this.#connection.write(bytes);
    const head =
      bytes.length < 126
        ? Buffer.from([0x82, bytes.length])
        : bytes.length < 65_536
          ? Buffer.from([0x82, 126, bytes.length >> 8, bytes.length & 255])
          : Buffer.concat([Buffer.from([0x82, 127]), words(0, bytes.length)]);
    return this.#connection.write(Buffer.concat([head, bytes]));
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #received(chunk: Buffer): void {
    if (this.deaf) return;
    if (this.#framing === "spdy") this.#spdy(chunk);
    else this.#webSocket(chunk);
  }

  #webSocket(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#webSocketBytes, chunk]);
    for (;;) {
      const short = (bytes[1] ?? 0) & 127;
      const headLength = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
      if (bytes.length < headLength) break;
      const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? bytes.readUInt32BE(6) : short;
      if (bytes.length < headLength + length) break;
      const key = bytes.subarray(headLength - 4, headLength);
      const payload = Buffer.from(bytes.subarray(headLength, headLength + length));
      if (!key.equals(Buffer.alloc(4)))
        for (let at = 0; at < length; at++) payload[at] = (payload[at] ?? 0) ^ (key[at & 3] ?? 0);
      const type = (bytes[0] ?? 0) & 15;
      bytes = bytes.subarray(headLength + length);
      if (type === 8) this.#connection.end();
      else if (type === 2) this.#spdy(payload);
    }
    this.#webSocketBytes = bytes;
  }

  #spdy(chunk: Buffer): void {
    let bytes = this.#spdyBytes.length === 0 ? chunk : Buffer.concat([this.#spdyBytes, chunk]);
    while (bytes.length >= 8) {
      const length = bytes.readUIntBE(5, 3);
      if (bytes.length < 8 + length) break;
      const first = bytes.readUInt32BE(0);
      const payload = bytes.subarray(8, 8 + length);
      if (first < 0x8000_0000) this.#data(first, payload, ((bytes[4] ?? 0) & 1) !== 0);
      else this.#control(first & 0xffff, payload);
      bytes = bytes.subarray(8 + length);
    }
    this.#spdyBytes = Buffer.from(bytes);
  }

  #control(type: number, payload: Buffer): void {
    if (type === 1) this.#opened(payload.readUInt32BE(0), this.#headers(payload.subarray(10)));
    else if (type === 6 && !this.mute) this.send(control(6, payload));
    else if (type === 3) this.#cancelled(payload.readUInt32BE(0));
  }

  /** The client sends stored deflate blocks: their bytes stand there as they are. */
  #headers(block: Buffer): Map<string, string> {
    const stored = block.subarray(this.#headersStarted ? 0 : 2);
    this.#headersStarted = true;
    const plain = stored.subarray(5, 5 + stored.readUInt16LE(1));
    const headers = new Map<string, string>();
    let at = 4;
    const text = (): string => {
      const length = plain.readUInt32BE(at);
      at += 4 + length;
      return plain.toString("latin1", at - length, at);
    };
    for (let left = plain.readUInt32BE(0); left > 0; left--) {
      const name = text();
      headers.set(name, text());
    }
    return headers;
  }

  #opened(id: number, headers: Map<string, string>): void {
    this.#lastId = id;
    this.send(control(2, words(id, 0)));
    const request = headers.get("requestid") ?? "";
    if (headers.get("streamtype") === "error") {
      this.#errorIds.set(request, id);
      return;
    }
    const errorId = this.#errorIds.get(request) ?? 0;
    this.#errorIds.delete(request);
    const port = Number(headers.get("port"));
    this.asked.push(port);
    const socket = new net.Socket({ allowHalfOpen: true });
    const dial = (): void => void socket.connect({ port: this.refuses() ? 1 : port, host: "127.0.0.1", noDelay: true });
    if (this.dialMs() > 0) setTimeout(() => socket.destroyed || dial(), this.dialMs());
    else dial();
    const stream: ServerStream = { errorId, dataId: id, socket, clientDone: false, targetDone: false };
    this.#streams.set(id, stream);
    let connected = false;
    socket.on("connect", () => {
      connected = true;
    });
    socket.on("data", (bytes: Buffer) => {
      if (!this.send(dataFrame(id, bytes, false))) socket.pause();
    });
    socket.on("drain", () => this.#connection.resume());
    socket.on("end", () => {
      stream.targetDone = true;
      this.send(dataFrame(id, nothing, true));
      this.#finish(stream);
    });
    socket.on("error", (error) => {
      if (!this.#streams.delete(id)) return;
      // containerd ends the data stream first, then says why.
      if (!connected) this.send(dataFrame(id, nothing, true));
      const why = connected ? "read: connection reset by peer" : `dial: connect: connection refused (${error.message})`;
      this.send(dataFrame(errorId, Buffer.from(`error forwarding port: ${why}`), false));
      this.send(dataFrame(errorId, nothing, true));
      if (connected) this.send(control(3, words(id, 5)));
      this.#connection.resume();
    });
  }

  #data(id: number, bytes: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (bytes.length > 0 && !stream.socket.write(bytes)) this.#connection.pause();
    if (!fin) return;
    stream.clientDone = true;
    stream.socket.end();
    this.#finish(stream);
  }

  #finish(stream: ServerStream): void {
    if (!stream.clientDone || !stream.targetDone) return;
    this.#streams.delete(stream.dataId);
    this.send(dataFrame(stream.errorId, nothing, true));
  }

  #cancelled(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    // The target is told that no more comes; what it still sends is thrown away.
    stream?.socket.end();
    stream?.socket.removeAllListeners("data").resume();
    this.#connection.resume();
  }
}
