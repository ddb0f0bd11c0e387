import { once } from "node:events";
import { connect } from "node:net";

/** Sends one inline command to a RESP server and gives its answer's first line; rejects on reset, refusal or silence. */
export async function redisCommand(port: number, command: string, timeoutMs = 5000): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    await once(socket, "connect", { signal });
    socket.write(`${command}\r\n`);
    const [chunk] = (await once(socket, "data", { signal })) as [Buffer];
    return chunk.toString().split("\r\n")[0] ?? "";
  } finally {
    socket.destroy();
  }
}
