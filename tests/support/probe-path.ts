import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { createAccess } from "#adapters/system/access.ts";
import { createProbes } from "#adapters/probes/index.ts";
import type { ProbePath, ProbeResult } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { healthCheckSchema } from "#domain/spec/health-check.ts";

/** A path to a local port. `tunnel`: by a stream that is no socket, as drivers give. */
export function pathTo(
  port: number,
  options: { tunnel?: boolean; host?: string } = {},
): ProbePath & { open: Set<Duplex> } {
  const open = new Set<Duplex>();
  return {
    open,
    host: options.host ?? "localhost",
    port,
    async connect(signal) {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      try {
        await once(socket, "connect", { signal });
      } catch (cause) {
        socket.destroy();
        throw new ConnectivityError("target_unreachable", "refused", {}, { cause });
      }
      const stream = options.tunnel ? new Tunnel(socket) : socket;
      open.add(stream);
      stream.once("close", () => open.delete(stream));
      return stream;
    },
  };
}

/** A socket behind a plain Duplex. */
class Tunnel extends Duplex {
  readonly #socket: Socket;
  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on("data", (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", () => this.destroy(new ConnectivityError("connection_lost", "the tunnel was cut")));
    socket.on("close", () => this.destroy());
  }
  override _read(): void {
    this.#socket.resume();
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#socket.write(chunk, () => callback());
  }
  override _final(callback: () => void): void {
    this.#socket.end(() => callback());
  }
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}

const probes = createProbes();

/** Runs a check as a file would declare it. */
export function check(
  declared: object,
  path: ProbePath,
  options: { env?: Record<string, string>; timeoutMs?: number } = {},
): Promise<ProbeResult> {
  const access = createAccess({
    envLayers: [() => options.env ?? {}],
    homeDir: "/nonexistent",
    workspaceDir: "/nonexistent",
    trusted: false,
  });
  const signal = AbortSignal.timeout(options.timeoutMs ?? 5000);
  return probes.run(healthCheckSchema.parse(declared), path, { signal, access });
}

/** A server in this process, closed with all of its connections when disposed. */
export async function serve(
  onSocket: (socket: Socket) => void,
  server: Server = createServer(),
): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
