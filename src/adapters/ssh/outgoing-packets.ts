import { randomFillSync } from "node:crypto";
import type { Client } from "ssh2";

/** Room for a packet with the most channel data that servers take in one (32 KiB). */
const memoryBytes = 33 * 1024;
/** Smaller packets are parts of memory that Node shares out: cheap as they are. */
const largeBytes = 4 * 1024;
/** Memory that waits for its turn, of all connections: more is made while it is being sent. */
const mostFree = 8;
/** Padding depends on the length by the cipher's block: 8 or 16 bytes. */
const period = 16;

/** Private to ssh2 (crypto.js): what makes packets, and encrypts them where they are or into new memory. */
interface Cipher {
  allocPacket(payloadBytes: number): Buffer;
  encrypt(packet: Buffer): void;
}

/** `write` of a socket. */
export type Write = (bytes: Buffer, sent?: (error?: Error | null) => void) => boolean;

const free: ArrayBuffer[] = [];
const ours = new WeakSet<ArrayBufferLike>();
/** While a cipher runs that encrypts into new memory: how many of its pieces came by here to be written. */
let apart: { pieces: number } | undefined;

function giveBack(memory: ArrayBuffer): void {
  if (free.length < mostFree) free.push(memory);
}

function take(bytes: number): Buffer {
  let memory = free.pop();
  if (memory === undefined) {
    memory = Buffer.allocUnsafeSlow(memoryBytes).buffer;
    ours.add(memory);
  }
  return Buffer.from(memory, 0, bytes);
}

/** Random bytes for padding, each used once: fetched for many packets together. */
const padding = Buffer.allocUnsafeSlow(4 * 1024);
let paddingUsed = padding.length;

function pad(packet: Buffer, from: number, to: number): void {
  if (paddingUsed + to - from > padding.length) {
    randomFillSync(padding);
    paddingUsed = 0;
  }
  for (let at = from; at < to; at++) packet[at] = padding[paddingUsed++] as number;
}

/**
 * Has the cipher that a connection sends with make its packets here: with memory of its own for each 32 KiB, most of an
 * upload's time is collecting garbage (bench/ssh). A new one after every key exchange. How it lays a packet out is seen from
 * packets that it makes; where that is not as expected, it is left as it is.
 *
 * @param reuses the connection's socket is one whose writes go through `writePacket`
 */
export function makePackets(client: Client, reuses: boolean): void {
  const cipher = (client as unknown as { readonly ["_protocol"]?: { readonly ["_cipher"]?: Cipher } })["_protocol"]?.[
    "_cipher"
  ];
  if (!cipher || Object.hasOwn(cipher, "allocPacket")) return;
  const pads = Array.from({ length: period }, (_, bytes) => cipher.allocPacket(bytes)[4] ?? 0);
  const empty = cipher.allocPacket(0);
  const tagBytes = empty.length - 4 - empty.readUInt32BE(0);
  const asExpected = pads.every((padBytes, index) => {
    const payloadBytes = index + 10 * period;
    const packet = cipher.allocPacket(payloadBytes);
    const length = 1 + payloadBytes + padBytes;
    return packet[4] === padBytes && packet.readUInt32BE(0) === length && packet.length === 4 + length + tagBytes;
  });
  if (!asExpected) return;

  cipher.allocPacket = (payloadBytes) => {
    const padBytes = pads[payloadBytes % period] as number;
    const bytes = 5 + payloadBytes + padBytes + tagBytes;
    const large = reuses && bytes >= largeBytes && bytes <= memoryBytes;
    const packet = large ? take(bytes) : Buffer.allocUnsafe(bytes);
    packet.writeUInt32BE(1 + payloadBytes + padBytes, 0);
    packet[4] = padBytes;
    pad(packet, 5 + payloadBytes, 5 + payloadBytes + padBytes);
    return packet;
  };
  if (!reuses) return;
  // One that encrypts in place hands the packet itself out to be written.
  if (cipher.constructor.name.endsWith("Binding")) return;
  const encrypt = cipher.encrypt.bind(cipher);
  cipher.encrypt = (packet) => {
    const running = (apart = { pieces: 0 });
    try {
      encrypt(packet);
    } finally {
      apart = undefined;
    }
    // Its length went out as it stands there, copied; were it written past us, the packet would be in use still.
    if (running.pieces > 0 && ours.has(packet.buffer)) giveBack(packet.buffer as ArrayBuffer);
  };
}

/** Writes what a cipher hands out to its socket, and sees to the memory once it is sent. */
export function writePacket(write: Write, bytes: Buffer): boolean {
  const buffer = bytes.buffer as ArrayBuffer;
  if (apart) {
    apart.pieces++;
    if (ours.has(buffer)) return write(Buffer.from(bytes));
    if (bytes.length < largeBytes || bytes.length !== buffer.byteLength) return write(bytes);
    // Nobody else has it: freed now, and not when so much has come together that it is searched for.
    return write(bytes, (error) => {
      if (!error) buffer.transfer(0);
    });
  }
  if (!ours.has(buffer)) return write(bytes);
  return write(bytes, (error) => {
    if (!error) giveBack(buffer);
  });
}
