import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/** OpenSSL hands on at most a record at a time. */
const recordBytes = 16 * 1024;
const plainBytes = 64 * 1024;

/** The parts of a socket that are not in its types: what `onread` of a new socket sets. */
interface Handle {
  useUserBuffer?(buffer: Uint8Array): void;
}

const symbolOf = (socket: Socket, name: string): symbol | undefined =>
  Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === name);

/**
 * Reads a socket that is open already into one buffer that is used again and again, as `onread` does for a new one: no
 * memory for each record, nothing to collect. Where this Node does not offer it, by `data` events.
 * @param take gets each piece, valid until it returns
 */
export function readInto(socket: Socket, take: (bytes: Buffer) => void): void {
  // What was read before; all of it, since nothing comes between.
  for (let early = readNow(socket); early !== null; early = readNow(socket)) take(early);
  if (socket.destroyed) return;
  if (!reuseBuffer(socket, take)) socket.on("data", take);
  socket.resume();
}

const readNow = (socket: Socket): Buffer | null => socket.read() as Buffer | null;

function reuseBuffer(socket: Socket, take: (bytes: Buffer) => void): boolean {
  const handle = (socket as unknown as { readonly _handle?: Handle | null })._handle;
  const symbols = ["kBuffer", "kBufferCb", "kBufferGen"].map((name) => symbolOf(socket, name));
  const [buffer, callback, generator] = symbols;
  if (typeof handle?.useUserBuffer !== "function") return false;
  if (buffer === undefined || callback === undefined || generator === undefined) return false;
  const memory = Buffer.allocUnsafeSlow(socket instanceof TLSSocket ? recordBytes : plainBytes);
  // The socket answers `readStop` to a `false`; pausing is ours to say.
  const received = (bytes: number): boolean => {
    take(memory.subarray(0, bytes));
    return true;
  };
  Object.assign(socket, { [buffer]: memory, [callback]: received, [generator]: null });
  handle.useUserBuffer(memory);
  return true;
}
