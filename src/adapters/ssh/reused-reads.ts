import net from "node:net";
import { ReadTurns } from "#adapters/net/read-turns.ts";
import { type Write, writePacket } from "./outgoing-packets.ts";

/** Of one read. Large, so that few packets are cut in two (a cut one is copied once more). */
const readBytes = 128 * 1024;
/**
 * From this much in one read on it is bulk, and left where it was read. What comes in smaller pieces gets memory of its
 * own. More than the longest key exchange takes, so that a bulk read always ends a packet that the one before began.
 */
const bulkBytes = 16 * 1024;
/**
 * A server that always has more is read this often in one turn of the event loop, so that others get theirs; twice would
 * cost a fifth more of the processor for each megabyte (bench/ssh).
 */
const mostReadsInTurn = 4;
/** Memory that waits for its turn: more are made when the receivers keep them, and go when they come back. */
const mostFree = 4;

/** The memory that a connection reads into, used again unless somebody keeps a part of it. */
export interface Reads {
  /** Whoever keeps bytes of a read says so while it is handed out, and may give them back. */
  retain(bytes: Buffer): () => void;
  /** Nobody has kept these bytes of channel data, nor looks at them again. */
  release(bytes: Buffer): void;
}

/** Memory that is everybody's own: what comes is never overwritten. */
export const ownReads: Reads = { retain: () => () => undefined, release: () => undefined };

/**
 * From this much on a packet that did not lie whole in a read, or was decrypted into new memory, is freed at once: until so
 * much has come together that it is searched for, all of it passes through the processor's caches (bench/ssh).
 */
const largeBytes = 4 * 1024;
/** Of a packet around its channel data: length, type, channel, padding, tag. */
const mostAround = 4 + 10 + 255 + 64;

interface Memory {
  readonly bytes: Buffer<ArrayBuffer>;
  /** How many keep a part of it. */
  keepers: number;
  /** The bulk read that filled it last. */
  filledBy: number;
}

/**
 * A TCP socket that reads bulk into memory that was read into before: with new memory for each read, the processor mostly
 * waits for memory rather than for data (bench/ssh). Emits `data` as any socket.
 *
 * What ssh2 1.17 keeps of a read after it was handed out, by all its ciphers (crypto.js):
 * - a packet that lies whole in the read while its tag or MAC (at most 64 bytes) comes later. The next bulk read is longer
 *   than that, so what one brought stays until the one after it is over;
 * - messages of a key exchange, which its hash is made of in the end. Were they overwritten before, the server's signature
 *   would be over other algorithms than those agreed upon. So while `keeping` says so, memory is used once;
 * - channel data, which is its receiver's: `retain`.
 *
 * @param keeping whether what was just handed out may be kept for longer; asked after every read
 * @param compressed whether channel data is unpacked into memory of the unpacker's
 */
export function reusingSocket(
  keeping: () => boolean,
  compressed: () => boolean = () => false,
): { readonly socket: net.Socket; readonly reads: Reads } {
  const known = new WeakMap<ArrayBufferLike, Memory>();
  /** Memory of small reads, in which several packets may lie. */
  const copies = new WeakSet<ArrayBufferLike>();
  let free: Memory[] = [];
  let bulkReads = 0;
  const make = (): Memory => {
    const memory = { bytes: Buffer.allocUnsafeSlow(readBytes), keepers: 0, filledBy: 0 };
    known.set(memory.bytes.buffer, memory);
    free.push(memory);
    return memory;
  };
  const socket: net.Socket = new net.Socket({
    onread: {
      // The last read's is not taken: a packet of it may not be over.
      buffer: () => (free.find(({ filledBy }) => filledBy === 0 || filledBy < bulkReads) ?? make()).bytes,
      callback: (length, buffer) => {
        const view = Buffer.from(buffer.buffer, buffer.byteOffset, length);
        if (length < bulkBytes) {
          const copy = Buffer.from(view);
          copies.add(copy.buffer);
          socket.emit("data", copy);
        } else {
          const memory = known.get(buffer.buffer);
          if (memory) memory.filledBy = ++bulkReads;
          socket.emit("data", view);
        }
        if (keeping()) free = [];
        return turns.goesOn(length, buffer.length);
      },
    },
  });
  const readOn = (): void => {
    if (!socket.isPaused()) socket.resume();
  };
  const turns = new ReadTurns(mostReadsInTurn, readOn, false);
  // ssh2 writes each packet by itself: those of one turn go out together, the end of one channel with the start of the
  // next. Bulk goes when what made it has returned, before more of it is read.
  const write = socket.write.bind(socket) as Write;
  let corked = false;
  let soon = false;
  const flush = (): void => {
    soon = false;
    if (!corked) return;
    corked = false;
    socket.uncork();
  };
  const gather = (bytes: Buffer): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(flush);
    }
    const more = writePacket(write, bytes);
    if (!soon && socket.writableLength >= bulkBytes) {
      soon = true;
      process.nextTick(flush);
    }
    return more;
  };
  Object.defineProperty(socket, "write", {
    get: () => gather,
    set() {
      // `connect` would put Node's own back.
    },
  });
  const release = ({ buffer, length }: Buffer): void => {
    const isItsPacket = length >= largeBytes && buffer.byteLength - length <= mostAround;
    if (isItsPacket && !known.has(buffer) && !copies.has(buffer) && !compressed()) (buffer as ArrayBuffer).transfer(0);
  };
  const reads: Reads = {
    release,
    retain: (bytes) => {
      const memory = known.get(bytes.buffer);
      if (!memory) return () => release(bytes);
      memory.keepers++;
      free = free.filter((one) => one !== memory);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        if (--memory.keepers === 0 && free.length < mostFree) free.push(memory);
      };
    },
  };
  return { socket, reads };
}
