import { Socket } from "node:net";
import type { ByteSource, Receiver } from "./byte-source.ts";
import { streamSource } from "./byte-source.ts";
import type { ReadBuffers } from "./read-buffers.ts";
import { bulkBytes, ReadTurns } from "./read-turns.ts";

/**
 * A socket that always has more is read this often in one turn of the event loop; libuv would go on for 32 reads, 2 MiB, and
 * with what becomes of them keep everybody else waiting for 10 ms (bench/ssh).
 */
const mostReadsInTurn = 2;

/** The part of a socket that is not in its types: the handle that a second socket object can take over. */
interface Handled {
  _handle: object | null;
}

/** Whether it is a TCP or pipe socket itself, not TLS or something else on top of one. */
export const isPlainSocket = (stream: object): stream is Socket => stream.constructor === Socket;

/**
 * A socket as a source, read into reused buffers (`onread`). `onread` can only be given to a new socket, so the handle
 * moves to one, the source's `stream`; the old object stays behind as a mark: it is destroyed with the new one, and
 * destroying it resets the new one. Where the handle cannot be moved (bytes wait in the socket already, or this Node
 * keeps it elsewhere) the socket's `data` events are used.
 */
export function socketSource(socket: Socket, buffers: ReadBuffers): ByteSource {
  return movable(socket) ? move(socket, buffers) : streamSource(socket);
}

function movable(socket: Socket): boolean {
  const handle = (socket as unknown as Partial<Handled>)._handle;
  return (
    isPlainSocket(socket) &&
    typeof handle === "object" &&
    handle !== null &&
    !socket.destroyed &&
    !socket.connecting &&
    socket.readableLength === 0 &&
    socket.writableLength === 0 &&
    !socket.readableEnded &&
    !socket.writableEnded
  );
}

function move(original: Socket, buffers: ReadBuffers): ByteSource {
  const internals = original as unknown as Handled;
  const handle = internals._handle;
  internals._handle = null;

  let receiver: Receiver = () => false;
  let keeps = false;
  let current = buffers.shared();
  let own = false;
  let lastReadBytes = 0;
  /** The receiver kept bytes of our own buffer: not to be read into, nor given back, before it resumes. */
  let kept = false;
  /** The receiver takes no more until it says so. */
  let stopped = true;

  const returnOwn = (): void => {
    if (own && !kept) buffers.giveBack(current);
    own = false;
    current = buffers.shared();
  };
  const options = {
    handle,
    allowHalfOpen: true,
    pauseOnCreate: true,
    onread: {
      buffer: (): Buffer => {
        if (kept) return current;
        if (!own && keeps && lastReadBytes >= bulkBytes) {
          current = buffers.borrow();
          own = true;
        } else if (own && lastReadBytes < bulkBytes) returnOwn();
        return current;
      },
      callback: (bytes: number, buffer: Uint8Array): boolean => {
        lastReadBytes = bytes;
        const more = receiver(Buffer.from(buffer.buffer, buffer.byteOffset, bytes), own ? "lent" : "shared");
        kept = own && !more;
        stopped = !more;
        if (bytes < bulkBytes) turns.talked();
        return more && turns.goesOn(bytes, buffer.length);
      },
    },
  };
  const stream = new Socket(options);
  const readOn = (): void => {
    if (!stopped) stream.resume();
  };
  const turns = new ReadTurns(mostReadsInTurn, readOn, true);
  const abandon = (): void => {
    if (stream.destroyed) return;
    try {
      stream.resetAndDestroy();
    } catch {
      // A pipe has no reset.
      stream.destroy();
    }
  };
  original.once("close", abandon);
  stream.once("close", () => {
    returnOwn();
    original.destroy();
  });

  return {
    stream,
    receive(next, nextKeeps) {
      receiver = next;
      keeps = nextKeeps;
    },
    resume() {
      kept = false;
      stopped = false;
      stream.resume();
    },
  };
}
