import { spawn } from "node:child_process";
import { once } from "node:events";
import { end } from "./process.ts";

/** The first byte says what it does: `d` sends without end, `u` takes without end, anything else is echoed. */
const targetProgram = `
const zeros = Buffer.alloc(64 * 1024);
require("node:net").createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => {});
  socket.once("data", (first) => {
    if (first[0] === 100) {
      const send = () => { while (socket.write(zeros)); };
      socket.on("drain", send);
      socket.resume();
      send();
    } else if (first[0] === 117) socket.resume();
    else {
      socket.write(first);
      socket.pipe(socket);
    }
  });
}).listen(0, "127.0.0.1", 1024, function () { console.log(this.address().port); });
`;

/** Moves bytes for a time and says how many. */
const bulkProgram = `
const [port, direction, ms] = process.argv.slice(1);
const chunk = Buffer.alloc(64 * 1024, direction);
let bytes = 0;
const socket = require("node:net").connect({ port: Number(port), host: "127.0.0.1" }, () => {
  socket.on("data", (data) => { bytes += data.length; });
  if (direction === "d") socket.write("d");
  else {
    const send = () => { do bytes += chunk.length; while (socket.write(chunk)); };
    socket.on("drain", send);
    send();
  }
});
setTimeout(() => { console.log(bytes); process.exit(); }, Number(ms));
`;

/** A target in a process of its own: it must not share its time with the clients. */
export async function startTargetProcess(): Promise<{ readonly port: number } & AsyncDisposable> {
  const child = spawn(process.execPath, ["-e", targetProgram], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { port: Number(String(line)), [Symbol.asyncDispose]: () => end(child, "SIGKILL") };
}

/** MB/s that a process of its own moves to or from the target, beside whatever is measured meanwhile. */
export async function bulkBeside(port: number, direction: "down" | "up", ms: number): Promise<number> {
  const args = ["-e", bulkProgram, String(port), direction === "down" ? "d" : "u", String(ms)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return Number(String(line)) / 1000 / ms;
}
