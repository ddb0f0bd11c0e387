import net from "node:net";
import type { Duplex } from "node:stream";

/** A server's message of a WebSocket. */
function message(type: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0x80 | type, length])
      : length < 65_536
        ? Buffer.from([0x80 | type, 126, length >> 8, length & 255])
        : Buffer.from([
            0x80 | type,
            127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ]);
  return Buffer.concat([head, payload]);
}

const onChannel = (channel: number, bytes: Buffer): Buffer =>
  message(2, Buffer.concat([Buffer.from([channel]), bytes]));

/** A kubelet's end of one `v4.channel.k8s.io` connection: channel 0 is joined to 127.0.0.1:PORT, channel 1 tells errors. */
export class ServerChannels {
  readonly #connection: Duplex;
  readonly #target: net.Socket;
  #bytes: Buffer;
  /** Does not answer pings any more, as a dead peer. */
  mute = false;

  /** @param dialMs how long it takes until it gets to connecting to the pod */
  constructor(connection: Duplex, head: Buffer, port: number, dialMs = 0) {
    this.#connection = connection;
    this.#bytes = head;
    const number = Buffer.from([port & 255, port >> 8]);
    // The port alone on one channel, together with nothing else; as a kubelet does.
    connection.write(Buffer.concat([onChannel(0, number), onChannel(1, number)]));
    let connected = false;
    const target = new net.Socket({ allowHalfOpen: true });
    const dial = (): void => void target.connect({ port, host: "127.0.0.1", noDelay: true });
    if (dialMs > 0) setTimeout(() => target.destroyed || dial(), dialMs);
    else dial();
    this.#target = target;
    target.on("connect", () => {
      connected = true;
    });
    target.on("data", (bytes: Buffer) => {
      if (!connection.write(onChannel(0, bytes))) target.pause();
    });
    target.on("end", () => this.#close());
    target.on("drain", () => connection.resume());
    target.on("error", (error) => {
      const why = connected ? "read: connection reset by peer" : `dial: connect: connection refused (${error.message})`;
      if (!connection.destroyed) connection.write(onChannel(1, Buffer.from(`error forwarding port: ${why}`)));
      this.#close();
    });
    connection.on("drain", () => target.resume());
    connection.on("data", (chunk: Buffer) => this.#received(chunk));
    connection.on("end", () => connection.end());
    connection.on("close", () => target.destroy());
    connection.on("error", () => {});
    if (head.length > 0) this.#received(Buffer.alloc(0));
  }

  /** Any bytes as one message. */
  send(bytes: Buffer): void {
    this.#connection.write(message(2, bytes));
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #close(): void {
    if (!this.#connection.destroyed) this.#connection.end(message(8, Buffer.from([3, 232])));
  }

  #received(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      const short = (bytes[1] ?? 0) & 127;
      const headLength = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
      if (bytes.length < headLength) break;
      const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? bytes.readUInt32BE(6) : short;
      if (bytes.length < headLength + length) break;
      const type = (bytes[0] ?? 0) & 15;
      const payload = Buffer.from(bytes.subarray(headLength, headLength + length));
      bytes = bytes.subarray(headLength + length);
      if (type === 8) this.#target.end();
      else if (type === 9 && this.mute) continue;
      else if (type === 9) this.#connection.write(message(10, payload));
      else if (type === 2 && payload[0] === 0 && !this.#target.write(payload.subarray(1))) this.#connection.pause();
    }
    this.#bytes = bytes;
  }
}
