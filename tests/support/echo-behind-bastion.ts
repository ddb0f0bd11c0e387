import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { newKey, startSshServer, type SshServer } from "./ssh-server.ts";

/** A server that says everything back, reachable only through an SSH server of this process: no testbed needed. */
export interface EchoBehindBastion extends AsyncDisposable {
  readonly ssh: SshServer;
  /** Lines of a service's declaration after its name: technology, ports, connection, check. */
  declaration(indent: string, more?: readonly string[]): string;
  /** A whole `portwright.yaml` with the one service `echo`. */
  readonly yaml: string;
}

/** @param folder where the key and known_hosts are written */
export async function startEchoBehindBastion(folder: string, greeting = ""): Promise<EchoBehindBastion> {
  const sockets = new Set<Socket>();
  const echo = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    if (greeting !== "") socket.write(greeting);
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(echo, "listening");
  const key = newKey();
  const ssh = await startSshServer({ authorizedKeys: [key.public] });
  await writeFile(join(folder, "id"), key.private, { mode: 0o600 });
  await writeFile(join(folder, "known_hosts"), ssh.knownHosts.map((line) => `${line}\n`).join(""));
  const connection = `{host: 127.0.0.1, port: ${ssh.port}, user: dev, key_file: ${join(folder, "id")}, known_hosts_file: ${join(folder, "known_hosts")}, remote_host: 127.0.0.1}`;
  const declaration = (indent: string, more: readonly string[] = []): string =>
    [
      "technology: ssh",
      `remote_port: ${(echo.address() as AddressInfo).port}`,
      `connection: ${connection}`,
      "health_check: {type: tcp, interval: 1s, timeout: 5s}",
      ...more,
    ]
      .map((line) => `${indent}${line}\n`)
      .join("");
  return {
    ssh,
    declaration,
    yaml: `services:\n  - name: echo\n${declaration("    ")}`,
    async [Symbol.asyncDispose]() {
      await ssh[Symbol.asyncDispose]();
      for (const socket of sockets) socket.destroy();
      echo.close();
      await once(echo, "close");
    },
  };
}

/** A connection through a forward that stays open, as a program's pool has it. */
export interface HeldConnection extends Disposable {
  /** Sends a word (as Redis' ECHO) and resolves when it comes back. @throws when it was cut, or after 5 s */
  echoes(word: string): Promise<void>;
  readonly isOpen: boolean;
}

export async function hold(port: number): Promise<HeldConnection> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let received = "";
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
  await once(socket, "connect");
  const held: HeldConnection = {
    get isOpen() {
      return !socket.destroyed && socket.readyState === "open";
    },
    async echoes(word) {
      received = "";
      socket.write(`ECHO ${word}\r\n`);
      const untilMs = performance.now() + 5000;
      while (!received.includes(`${word}\r\n`)) {
        if (socket.destroyed) throw new Error("the held connection was cut");
        if (performance.now() > untilMs) throw new Error("nothing came back through the held connection");
        await new Promise((resolve) => void setTimeout(resolve, 5));
      }
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
  await held.echoes("hello");
  return held;
}
