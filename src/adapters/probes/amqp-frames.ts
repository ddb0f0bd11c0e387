import type { Conversation } from "./conversation.ts";
import { failure, notThisProtocol } from "./failures.ts";

/** Class and method in one number; all are of the class connection (10). */
const connection = (id: number): number => (10 << 16) | id;
export const method = {
  start: connection(10),
  startOk: connection(11),
  tune: connection(30),
  tuneOk: connection(31),
  open: connection(40),
  openOk: connection(41),
  close: connection(50),
  closeOk: connection(51),
} as const;

export interface Method {
  readonly id: number;
  readonly body: Buffer;
}

const protocolHeader = Buffer.from("AMQP\0\0\u0009\u0001", "latin1");
const methodFrame = 1;
const heartbeatFrame = 8;
const frameEnd = 0xce;
const longestFrame = 128 * 1024;
/** A broker that sends nothing but heartbeats does not answer. */
const mostHeartbeats = 20;

export const uint16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
};
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
export const shortString = (value: string): Buffer => {
  const bytes = Buffer.from(value).subarray(0, 255);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
};
export const longString = (value: Buffer): Buffer => Buffer.concat([uint32(value.length), value]);

/** Methods of channel 0, over a conversation. */
export class AmqpFrames {
  readonly #conversation: Conversation;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  begin(): void {
    this.#conversation.send(protocolHeader);
  }

  write(id: number, body: Buffer): void {
    const payload = Buffer.concat([uint32(id), body]);
    const head = Buffer.concat([Buffer.from([methodFrame]), uint16(0), uint32(payload.length)]);
    this.#conversation.send(Buffer.concat([head, payload, Buffer.from([frameEnd])]));
  }

  async read(): Promise<Method> {
    for (let skipped = 0; skipped < mostHeartbeats; skipped++) {
      const head = await this.#conversation.read(7);
      // A broker of another version answers with the header that it wants.
      if (head.toString("latin1", 0, 4) === "AMQP")
        throw failure("protocol_mismatch", "the broker speaks another version of AMQP than 0-9-1", {
          expected: "amqp 0-9-1",
        });
      const length = head.readUInt32BE(3);
      const isFrame = (head[0] === methodFrame && length >= 4) || head[0] === heartbeatFrame;
      if (!isFrame || length > longestFrame) throw this.#mismatch(head);
      const payload = await this.#conversation.read(length + 1);
      if (payload[length] !== frameEnd) throw this.#mismatch(head);
      if (head[0] === methodFrame) return { id: payload.readUInt32BE(0), body: payload.subarray(4, length) };
    }
    throw failure("application_unhealthy", "the broker sends heartbeats, and no answer");
  }

  #mismatch(head: Buffer): Error {
    return notThisProtocol("amqp", Buffer.concat([head, this.#conversation.held]));
  }
}
