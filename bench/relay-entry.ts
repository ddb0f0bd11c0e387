/** Our relay alone, as a process of its own: `node relay-entry.ts TARGET_PORT`; prints the port that it listens on. */
import { once } from "node:events";
import { connect } from "node:net";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { createSystemClock } from "#adapters/system/clock.ts";

const target = Number(process.argv[2]);
const listeners = createLocalListeners({
  clock: createSystemClock(),
  portOwners: { find: () => Promise.resolve(undefined) },
});
const listener = await listeners.listen("127.0.0.1", 0, (connection) => {
  const socket = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  // As the engine does: the client is looked after until the target is there.
  connection.onGone(() => socket.destroy());
  once(socket, "connect").then(
    () => connection.relay(socket),
    () => connection.reset(),
  );
});
console.log(listener.port);
