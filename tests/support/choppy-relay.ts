import { once } from "node:events";
import net from "node:net";

export interface ChoppyRelay extends AsyncDisposable {
  readonly port: number;
}

/** Relays to a server, and gives back what it says in pieces of any size, however it came. */
export async function startChoppyRelay(target: number): Promise<ChoppyRelay> {
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket): net.Socket => {
    sockets.add(socket);
    socket.on("error", () => {});
    return socket;
  };
  const server = net.createServer({ noDelay: true }, (client) => {
    keep(client);
    const upstream = keep(net.connect({ host: "127.0.0.1", port: target, noDelay: true }));
    client.pipe(upstream);
    client.on("close", () => upstream.destroy());
    void chop(upstream, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Bytes, short of a MAC; a packet or less; about the least that is bulk; several packets. */
const sizes = [20, 100, 20_000, 18_000, 100_000, 200_000];

function pieceSize(): number {
  const most = sizes[Math.floor(Math.random() * sizes.length)] ?? 1;
  return 1 + Math.floor(Math.random() * most);
}

async function chop(from: net.Socket, to: net.Socket): Promise<void> {
  let held: Buffer[] = [];
  let length = 0;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  from.on("data", (bytes: Buffer) => {
    held.push(bytes);
    length += bytes.length;
    if (length > 1024 * 1024) from.pause();
  });
  let wake = (): void => {};
  for (const socket of [from, to]) socket.on("close", () => wake());
  from.on("data", () => wake());
  to.on("drain", () => wake());
  const woken = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  while (!from.destroyed && !to.destroyed) {
    if (length === 0) {
      from.resume();
      await woken();
    }
    // So that large pieces come about: what one turn brings is little.
    for (let turns = Math.floor(Math.random() * 4); turns > 0; turns--) await turn();
    const all = Buffer.concat(held);
    const piece = all.subarray(0, pieceSize());
    held = all.length > piece.length ? [all.subarray(piece.length)] : [];
    length = all.length - piece.length;
    if (!to.destroyed) to.write(piece);
    while (to.writableNeedDrain && !to.destroyed) await woken();
    await turn();
  }
  to.end();
}
