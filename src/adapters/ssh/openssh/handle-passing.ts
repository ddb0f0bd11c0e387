import { once } from "node:events";
import net from "node:net";

/** What Node's classes hold for a request to write; not in its types. */
interface WriteRequest {
  oncomplete: (status: number) => void;
}

/** A pipe of libuv as Node wraps it; not in its types. */
interface PipeHandle {
  readonly writeQueueSize: number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
  writeLatin1String(request: WriteRequest, text: string, handle?: object): number;
}

/** Pipes that pass handles on: `PipeConstants.IPC`. */
const ipc = 2;

/** Answers are short, and there are many connections: by itself each read would allocate 64 KiB. */
const received = Buffer.alloc(4096);

let makePipe: (new (kind: number) => PipeHandle) | undefined;
let makeRequest: (new () => WriteRequest) | undefined;

/** A connection to a Unix socket that can give open sockets to the process at the other end. Paused until it is read. */
export interface PassingSocket {
  readonly socket: net.Socket;
  /** Begins to read; once. */
  read(onBytes: (bytes: Buffer) => void): void;
  /**
   * Writes bytes, and then for each handle a zero byte with a copy of it (`SCM_RIGHTS`). Ours stay open.
   * @returns whether that is done; when it is not, the connection is destroyed
   */
  send(bytes: Buffer, ...handles: readonly object[]): boolean;
}

/**
 * Connects by a pipe of the kind that Node uses between a process and its children, which is what passes handles on. That
 * is no public part of Node; it was tried on 24 only, and what is missing elsewhere makes it `undefined`.
 * @returns `undefined` where this Node cannot do it, or nobody listens
 */
export async function connectPassing(path: string): Promise<PassingSocket | undefined> {
  makePipe ??= pipeClass(path);
  if (!makePipe) return undefined;
  try {
    const pipe = new makePipe(ipc);
    let receive: (bytes: Buffer) => void = () => {};
    const onread = {
      buffer: received,
      callback: (length: number): boolean => {
        receive(Buffer.from(received.subarray(0, length)));
        return true;
      },
    };
    const socket = new net.Socket({ handle: pipe, manualStart: true, onread } as net.SocketConstructorOpts);
    socket.on("error", () => {});
    socket.pause();
    socket.connect(path);
    await once(socket, "connect");
    return {
      socket,
      read: (onBytes) => {
        receive = onBytes;
        socket.resume();
      },
      send: (bytes, ...handles) => send(socket, pipe, bytes, handles),
    };
  } catch {
    return undefined;
  }
}

function send(socket: net.Socket, pipe: PipeHandle, bytes: Buffer, handles: readonly object[]): boolean {
  if (socket.destroyed) return false;
  if (!makeRequest) seeRequest(pipe);
  socket.write(bytes);
  if (makeRequest && typeof pipe.writeLatin1String === "function") {
    const Request = makeRequest;
    const given = handles.every((handle) => {
      const request = new Request();
      request.oncomplete = () => {};
      // What is still in a queue when the handle is closed ends the process: it goes at once or not at all.
      return pipe.writeLatin1String(request, "\0", handle) === 0 && pipe.writeQueueSize === 0;
    });
    if (given) return true;
  }
  socket.destroy();
  return false;
}

/** The class of requests is seen where Node itself makes one: at the next write. */
function seeRequest(pipe: PipeHandle): void {
  pipe.writeBuffer = function writeBuffer(request, bytes) {
    makeRequest ??= request.constructor as new () => WriteRequest;
    Reflect.deleteProperty(pipe, "writeBuffer");
    return pipe.writeBuffer(request, bytes);
  };
}

/** As an ordinary connection has it. */
function pipeClass(path: string): typeof makePipe {
  const ordinary = net.connect(path);
  ordinary.on("error", () => {});
  const { _handle: handle } = ordinary as unknown as { readonly _handle?: object };
  ordinary.destroy();
  return handle?.constructor as typeof makePipe;
}
