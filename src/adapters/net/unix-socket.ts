import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";

/** macOS allows 103 bytes, Linux 107. */
const maxPathBytes = 103;

/**
 * Binds a Unix socket that only this user can open, from its first moment. A socket that a process which is gone left
 * behind is removed; anything else that stands there stays.
 * @throws ConnectivityError `local_port_in_use`, `local_address_unavailable`, or the system's error
 */
export async function openUnixSocket(path: string, accept: (socket: Socket) => void): Promise<Server> {
  const bytes = Buffer.byteLength(path);
  if (bytes > maxPathBytes) {
    throw new ConnectivityError("local_address_unavailable", `the path of a socket has at most ${maxPathBytes} bytes`, {
      socket: path,
      bytes,
    });
  }
  await removeStale(path);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, accept);
  // listen() binds before it returns, so the mask holds for the bind and nothing else.
  const mask = process.umask(0o177);
  try {
    server.listen({ path, exclusive: true });
  } finally {
    process.umask(mask);
  }
  try {
    await once(server, "listening");
  } catch (cause) {
    throw bindError(path, cause);
  }
  return server;
}

async function removeStale(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (!stats) return;
  if (!stats.isSocket()) {
    throw new ConnectivityError("local_port_in_use", `${path} is there already, and is no socket`, { socket: path });
  }
  if (await answers(path)) {
    throw new ConnectivityError("local_port_in_use", `another program listens at ${path}`, { socket: path });
  }
  await rm(path, { force: true }).catch(() => undefined);
}

/** Whether a process listens there. Only a refusal says that none does. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

function bindError(path: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  const facts = { socket: path, ...(code !== undefined && { errno: code }) };
  if (code === "EADDRINUSE")
    return new ConnectivityError("local_port_in_use", `another program listens at ${path}`, facts, { cause });
  if (code === "EACCES" || code === "EPERM" || code === "ENOENT" || code === "ENOTDIR" || code === "EROFS") {
    const message = `no socket can be made in ${dirname(path)}`;
    return new ConnectivityError("local_address_unavailable", message, facts, { cause });
  }
  return cause;
}
