import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net, { type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Route } from "#application/ports/route.ts";

/** A proxy or hop of a test: counts what it was asked for, and sends everything to 127.0.0.1 at the port asked for. */
export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  /** `host:port` of each connection that was asked for. */
  readonly asked: string[];
}

export interface ProxyOptions {
  /** `user:password`. */
  readonly login?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  /** Answered in place of letting through. */
  readonly refuse?: number;
}

/** An HTTP proxy that knows CONNECT (RFC 9110, section 9.3.6), with TLS when it has a certificate. */
export async function httpProxy({ login, certificate, refuse }: ProxyOptions = {}): Promise<TestProxy> {
  const server = certificate ? https.createServer(certificate) : http.createServer();
  const asked: string[] = [];
  server.on("connect", (request, client: Duplex) => {
    client.on("error", () => {});
    asked.push(request.url ?? "");
    const given = (request.headers["proxy-authorization"] ?? "").replace("Basic ", "");
    const known = login === undefined || Buffer.from(given, "base64").toString() === login;
    const status = refuse ?? (known ? 200 : 407);
    client.write(`HTTP/1.1 ${status} said by the proxy\r\n\r\n`);
    if (status !== 200) return void client.end();
    join(client, net.connect(Number(request.url?.split(":").at(-1)), "127.0.0.1"));
  });
  return running(server, asked);
}

/** A SOCKS5 proxy (RFC 1928, RFC 1929). */
export async function socks5Proxy({ login, refuse = 0 }: ProxyOptions = {}): Promise<TestProxy> {
  const asked: string[] = [];
  const server = net.createServer((client) => {
    client.on("error", () => {});
    void serve(client, asked, login, refuse).catch(() => client.destroy());
  });
  return running(server, asked);
}

async function serve(client: Socket, asked: string[], login: string | undefined, refuse: number): Promise<void> {
  const read = reader(client);
  const [, count = 0] = await read(2);
  const methods = await read(count);
  const method = login === undefined ? 0 : 2;
  client.write(Buffer.from([5, methods.includes(method) ? method : 0xff]));
  if (login !== undefined) {
    const [, userLength = 0] = await read(2);
    const user = (await read(userLength)).toString();
    const [passwordLength = 0] = await read(1);
    const fits = `${user}:${(await read(passwordLength)).toString()}` === login;
    client.write(Buffer.from([1, fits ? 0 : 1]));
    if (!fits) return void client.end();
  }
  const [, , , kind] = await read(4);
  const size = kind === 1 ? 4 : kind === 4 ? 16 : ((await read(1))[0] ?? 0);
  const raw = await read(size);
  const host = kind === 3 ? raw.toString() : kind === 1 ? [...raw].join(".") : raw.toString("hex");
  const port = (await read(2)).readUInt16BE();
  asked.push(`${host}:${port}`);
  // Its answer in pieces, with a name as the bound address.
  client.write(Buffer.from([5, refuse, 0]));
  await new Promise((resolve) => setTimeout(resolve, 5));
  client.write(Buffer.from([3, 2, 0x61, 0x62, 0, 1]));
  if (refuse !== 0) return void client.end();
  join(client, net.connect(port, "127.0.0.1"));
}

/** A way through a hop that is a plain connection of this process. */
export function plainRoute(key = "hop"): Route & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    via: `test ${key}`,
    key,
    asked,
    async connect(to, { signal }) {
      if (!("host" in to)) throw new Error("no sockets here");
      asked.push(`${to.host}:${to.port}`);
      const socket = net.connect(to.port, "127.0.0.1");
      await once(socket, "connect", { signal });
      return socket;
    },
  };
}

function reader(socket: Socket): (size: number) => Promise<Buffer> {
  return async (size) => {
    for (;;) {
      const bytes = size === 0 ? Buffer.alloc(0) : (socket.read(size) as Buffer | null);
      if (bytes !== null) return bytes;
      await once(socket, "readable");
    }
  };
}

function join(client: Duplex, target: Socket): void {
  target.on("error", () => client.destroy());
  client.on("close", () => target.destroy());
  target.on("close", () => client.destroy());
  client.pipe(target).pipe(client);
}

async function running(server: net.Server, asked: string[]): Promise<TestProxy> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
