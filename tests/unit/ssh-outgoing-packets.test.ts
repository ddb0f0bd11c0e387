import type { Client } from "ssh2";
import { expect, test } from "vitest";
import { makePackets, writePacket, type Write } from "#adapters/ssh/outgoing-packets.ts";

const payloadBytes = 20_000;

/** Lays packets out as ssh2's ciphers do, and hands them out as they are. */
class Cipher {
  readonly onWrite: (bytes: Buffer) => void;
  readonly #block: number;
  readonly #unaligned: number;
  readonly #tag: number;
  constructor(onWrite: (bytes: Buffer) => void, [block, unaligned, tag] = [16, 4, 16]) {
    this.onWrite = onWrite;
    this.#block = block ?? 16;
    this.#unaligned = unaligned ?? 4;
    this.#tag = tag ?? 0;
  }
  allocPacket(payload: number): Buffer {
    let pad = this.#block - ((5 + payload - this.#unaligned) % this.#block);
    if (pad < 4) pad += this.#block;
    const packet = Buffer.alloc(5 + payload + pad + this.#tag);
    packet.writeUInt32BE(1 + payload + pad);
    packet[4] = pad;
    return packet;
  }
}
class InPlaceBinding extends Cipher {
  encrypt(packet: Buffer): void {
    this.onWrite(packet);
  }
}
class Apart extends Cipher {
  encrypt(packet: Buffer): void {
    this.onWrite(packet.subarray(0, 4));
    this.onWrite(Buffer.from(new Uint8Array(packet.subarray(4)).buffer));
    this.onWrite(Buffer.alloc(16));
  }
}

const clientOf = (cipher: object): Client => ({ _protocol: { _cipher: cipher } }) as unknown as Client;

/** A socket that sends when it is told to. */
function slowSocket() {
  const pending: { bytes: Buffer; sent: ((error?: Error | null) => void) | undefined }[] = [];
  const write: Write = (bytes, sent) => pending.push({ bytes, sent }) > 0;
  const flush = (error?: Error): void => {
    for (const { sent } of pending.splice(0)) sent?.(error);
  };
  return { pending, flush, write: (bytes: Buffer) => void writePacket(write, bytes), direct: (b: Buffer) => write(b) };
}

/** Sends one packet and says where it lay. */
function send(cipher: InPlaceBinding | Apart, fill: number): ArrayBufferLike {
  const packet = cipher.allocPacket(payloadBytes).fill(fill, 5, 5 + payloadBytes);
  cipher.encrypt(packet);
  return packet.buffer;
}

test.each([
  [16, 4, 16],
  [8, 4, 16],
  [16, 0, 32],
  [16, 4, 64],
  [8, 0, 20],
])(
  "[ssh-reused-reads] packets are laid out as the cipher would, with blocks of %i less %i and a tag of %i, padding random",
  (...layout) => {
    const cipher = new InPlaceBinding(() => undefined, layout);
    const own = cipher.allocPacket.bind(cipher);
    makePackets(clientOf(cipher), true);
    expect(Object.hasOwn(cipher, "allocPacket")).toBe(true);
    const padding = new Set<string>();
    for (const size of [...Array.from({ length: 64 }, (_, index) => index), 32_768 + 9, 32_777 - 7, 40_000]) {
      const [made, wanted] = [cipher.allocPacket(size), own(size)];
      expect(made.length).toBe(wanted.length);
      expect(made.subarray(0, 5)).toEqual(wanted.subarray(0, 5));
      padding.add(made.subarray(5 + size, 5 + size + (made[4] ?? 0)).toString("hex"));
    }
    expect(padding.size).toBe(67);
  },
);

test("[ssh-reused-reads] a packet's memory is used again when it is sent, and not before", () => {
  const socket = slowSocket();
  const cipher = new InPlaceBinding(socket.write);
  makePackets(clientOf(cipher), true);
  const first = [send(cipher, 1), send(cipher, 2), send(cipher, 3)];
  expect(new Set(first).size).toBe(3);
  expect(socket.pending.map(({ bytes }) => bytes[100])).toEqual([1, 2, 3]);
  socket.flush();
  const again = [send(cipher, 4), send(cipher, 5), send(cipher, 6)];
  expect(new Set([...first, ...again]).size).toBe(3);
  // What was not sent may be in use still.
  socket.flush(new Error("reset"));
  expect(first).not.toContain(send(cipher, 7));
});

test("[ssh-reused-reads] a cipher that encrypts into new memory: the packet's is used again at once, the other freed once sent", () => {
  const socket = slowSocket();
  const cipher = new Apart(socket.write);
  makePackets(clientOf(cipher), true);
  expect(send(cipher, 1)).toBe(send(cipher, 2));
  const pieces = socket.pending.map(({ bytes }) => bytes);
  expect(pieces.map(({ length }) => length)).toEqual([4, payloadBytes + 32, 16, 4, payloadBytes + 32, 16]);
  expect([pieces[1]?.[100], pieces[4]?.[100]]).toEqual([1, 2]);
  expect(pieces[0]?.readUInt32BE()).toBe(payloadBytes + 16);
  socket.flush();
  expect(pieces.map(({ length }) => length)).toEqual([4, 0, 16, 4, 0, 16]);
});

test("[ssh-reused-reads] what is written past us is never used again", () => {
  for (const Kind of [InPlaceBinding, Apart]) {
    const socket = slowSocket();
    const cipher = new Kind((bytes) => void socket.direct(bytes));
    makePackets(clientOf(cipher), true);
    const sent = Array.from({ length: 20 }, (_, index) => {
      const memory = send(cipher, index);
      socket.flush();
      return memory;
    });
    expect(new Set(sent).size).toBe(20);
  }
});

test("[ssh-reused-reads] a cipher that lays packets out in another way is left as it is", () => {
  const cipher = new (class extends InPlaceBinding {
    override allocPacket(payload: number): Buffer {
      return Buffer.alloc(super.allocPacket(payload).length + (payload % 3));
    }
  })(() => undefined);
  makePackets(clientOf(cipher), true);
  expect(Object.hasOwn(cipher, "allocPacket")).toBe(false);
  expect(() => makePackets({} as Client, true)).not.toThrow();
});
