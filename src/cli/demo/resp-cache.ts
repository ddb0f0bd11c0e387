import net from "node:net";
import { listening, type Running } from "./listening.ts";

const longestCommand = 65_536;
const wrongType = "-ERR unknown command\r\n";

/** A cache that speaks as much of RESP 2 as the shop needs: PING, GET, SET, each as an array of bulk strings. */
export function startCache(): Promise<Running> {
  const values = new Map<string, string>();
  return listening(net.createServer({ noDelay: true }, (socket) => answer(socket, values)));
}

function answer(socket: net.Socket, values: Map<string, string>): void {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (let next = takeCommand(received); next; next = takeCommand(received)) {
      received = received.subarray(next.length);
      socket.write(replyTo(next.words, values));
    }
    if (received.length > longestCommand) socket.destroy();
  });
}

/** The first whole command in what was received, and how many bytes it takes. */
function takeCommand(received: Buffer): { readonly words: string[]; readonly length: number } | undefined {
  const head = /^\*(\d{1,4})\r\n/.exec(received.toString("latin1", 0, 16));
  if (!head) return undefined;
  let at = head[0].length;
  const words: string[] = [];
  while (words.length < Number(head[1])) {
    const bulk = /^\$(\d{1,6})\r\n/.exec(received.toString("latin1", at, at + 16));
    if (!bulk) return undefined;
    const start = at + bulk[0].length;
    at = start + Number(bulk[1]) + 2;
    if (received.length < at) return undefined;
    words.push(received.toString("utf8", start, at - 2));
  }
  return { words, length: at };
}

function replyTo([command = "", key = "", value = ""]: readonly string[], values: Map<string, string>): string {
  switch (command.toUpperCase()) {
    case "PING":
      return "+PONG\r\n";
    case "SET":
      values.set(key, value);
      return "+OK\r\n";
    case "GET": {
      const found = values.get(key);
      return found === undefined ? "$-1\r\n" : `$${Buffer.byteLength(found)}\r\n${found}\r\n`;
    }
    default:
      return wrongType;
  }
}

/** One command on a connection of its own. @returns the raw reply, without its line end */
export function askCache(port: number, ...words: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = net.connect({ host: "127.0.0.1", port });
  socket.setTimeout(2000, () => socket.destroy());
  socket.on("error", reject);
  socket.on("close", () => resolve(""));
  let reply = "";
  socket.on("data", (chunk: Buffer) => {
    reply += chunk.toString("utf8");
    const [head = "", body] = reply.split("\r\n");
    if (!reply.endsWith("\r\n") || (/^\$\d/.test(head) && reply.split("\r\n").length < 3)) return;
    resolve(body === undefined || body === "" ? head : body);
    socket.destroy();
  });
  socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
  return promise;
}
