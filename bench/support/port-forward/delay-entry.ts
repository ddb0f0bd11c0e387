/** A path with a round trip: `node delay-entry.ts TARGET_PORT ROUND_TRIP_MS` prints the port that it listens on. */
import { createServer, connect, type AddressInfo, type Socket } from "node:net";

const [targetPort = 0, roundTripMs = 0] = process.argv.slice(2).map(Number);

/** Passes bytes on, each chunk half a round trip later, in order. */
function delayed(from: Socket, to: Socket): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.write(chunk), roundTripMs / 2));
  from.on("end", () => setTimeout(() => to.end(), roundTripMs / 2));
  from.on("close", () => setTimeout(() => to.destroy(), roundTripMs / 2));
  from.on("error", () => undefined);
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  // The handshake of TCP itself takes a round trip too.
  const far = connect({ port: targetPort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  near.pause();
  setTimeout(() => {
    near.resume();
    delayed(near, far);
    delayed(far, near);
  }, roundTripMs);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
