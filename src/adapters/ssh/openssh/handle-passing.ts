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

let makePipe: (new (kind: number) => PipeHandle) | undefined;
let makeRequest: (new () => WriteRequest) | undefined;

/** A connection to a Unix socket that can give open sockets to the process at the other end. */
export interface PassingSocket {
  readonly socket: net.Socket;
  /**
   * Gives the process a copy of a socket, with one zero byte (`SCM_RIGHTS`). Ours stays open.
   * @returns whether that is done; when it is not, the connection is destroyed
   */
  give(handle: object): boolean;
}

/**
 * Connects by a pipe of the kind that Node uses between a process and its children, which is what passes handles on. That
 * is no public part of Node; it was seen to work on 22 and 24.
 * @param first the first bytes to write
 * @returns `undefined` where this Node cannot do it, or nobody listens
 */
export async function connectPassing(path: string, first: Buffer): Promise<PassingSocket | undefined> {
  makePipe ??= pipeClass(path);
  if (!makePipe) return undefined;
  let pipe: PipeHandle;
  let socket: net.Socket;
  try {
    pipe = new makePipe(ipc);
    socket = new net.Socket({ handle: pipe, manualStart: true } as net.SocketConstructorOpts);
    socket.on("error", () => {});
    socket.connect(path);
    await once(socket, "connect");
  } catch {
    return undefined;
  }
  // The class of requests is seen where Node itself makes one.
  pipe.writeBuffer = function writeBuffer(request, bytes) {
    makeRequest ??= request.constructor as new () => WriteRequest;
    Reflect.deleteProperty(pipe, "writeBuffer");
    return pipe.writeBuffer(request, bytes);
  };
  socket.write(first);
  if (!makeRequest || typeof pipe.writeLatin1String !== "function") {
    socket.destroy();
    return undefined;
  }
  const Request = makeRequest;
  return {
    socket,
    give(handle) {
      const request = new Request();
      request.oncomplete = () => {};
      // What is still in a queue when the handle is closed ends the process: it goes at once or not at all.
      if (pipe.writeLatin1String(request, "\0", handle) === 0 && pipe.writeQueueSize === 0) return true;
      socket.destroy();
      return false;
    },
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
