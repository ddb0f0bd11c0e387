import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { toConnectivityError, type ConnectivityError } from "#domain/connectivity-error.ts";
import { shellWord } from "./askpass.ts";

/** A program that stands for OpenSSH's connection to the server, and leads it to a way of ours. */
export interface RouteProgram extends AsyncDisposable {
  readonly program: string;
  /** Why the way could not be opened. */
  readonly problem: ConnectivityError | undefined;
}

/**
 * For `ProxyCommand`: the program joins its input and output with a Unix socket, and that with `open`. One connection
 * only.
 * @param dir a folder of mode 0700
 */
export async function startRouteProgram(dir: string, open: () => Promise<Duplex>): Promise<RouteProgram> {
  const socketPath = path.join(dir, "r");
  const program = path.join(dir, "route");
  await writeFile(program, script(socketPath), { mode: 0o700 });
  let problem: ConnectivityError | undefined;
  let current: net.Socket | undefined;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    if (current) return void socket.destroy();
    current = socket;
    open().then(
      (stream) => {
        stream.on("error", () => {});
        // Two pipelines listen to each end.
        for (const end of [stream, socket]) end.setMaxListeners(30);
        const both = [pipeline(socket, stream), pipeline(stream, socket)];
        void Promise.allSettled(both).then(() => {
          stream.destroy();
          socket.destroy();
        });
      },
      (error: unknown) => {
        problem = toConnectivityError(error);
        socket.destroy();
      },
    );
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    program,
    get problem() {
      return problem;
    },
    async [Symbol.asyncDispose]() {
      current?.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function script(socketPath: string): string {
  const code = [
    'const s=require("net").connect({path:process.argv[1],allowHalfOpen:true});',
    's.on("error",()=>process.exit(1));s.on("close",()=>process.exit(0));',
    "const{stdin,stdout}=process;stdin.pipe(s);s.pipe(stdout);",
  ].join("");
  return `#!/bin/sh\nunset NODE_OPTIONS\nexec ${shellWord(process.execPath)} -e ${shellWord(code)} ${shellWord(socketPath)}\n`;
}
