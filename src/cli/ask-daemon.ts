import { once } from "node:events";
import type { LoginPrompts } from "#application/ports/interaction.ts";
import type { PersonRequest } from "#application/usecases/person-request.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { toLine, type HelloAnswer } from "#server/daemon/wire.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { daemonPlace } from "#shim/daemon-place.ts";
import { parseObject, type DaemonConnection } from "#shim/dial.ts";
import { LineSplitter } from "#shim/line-splitter.ts";
import { reachDaemon } from "#shim/reach-daemon.ts";
import { portwrightVersion } from "../version.ts";
import type { Fields } from "./answer-fields.ts";
import type { Invocation } from "./command.ts";

/** A login may take as long as a person types, and each hop before it a handshake. */
const talkTimeoutMs = 120_000;

/**
 * The same, where servers ask the person something in between.
 * @param answer one answer for each prompt; what it throws ends the conversation
 */
export async function talkToDaemon(
  invocation: Invocation,
  person: PersonRequest,
  answer: (asked: LoginPrompts) => Promise<readonly string[]>,
): Promise<Fields> {
  const { socket, ...connection } = await opened(invocation, person, talkTimeoutMs);
  const splitter = new LineSplitter();
  const lines = splitter.push(connection.received);
  socket.on("data", (chunk: Buffer) => {
    lines.push(...splitter.push(chunk));
    socket.emit("answered");
  });
  socket.resume();
  const closed = once(socket, "close");
  try {
    let said: HelloAnswer | undefined = connection.answer;
    while (said?.prompt !== undefined) {
      socket.write(toLine({ answers: await answer(said.prompt) }));
      if (lines.length === 0) await Promise.race([once(socket, "answered"), closed]);
      said = parseObject(lines.shift() ?? Buffer.alloc(0)) as HelloAnswer | undefined;
    }
    if (said) return toldBy(said);
    throw new ConnectivityError("daemon_unreachable", "the daemon ended during the login; try again");
  } finally {
    socket.destroy();
  }
}

/**
 * Says something for the person at the terminal, in the opening line of a connection: no tool, so no AI client can.
 * @throws ConnectivityError the daemon's, or `daemon_unreachable`, `not_supported` (an older daemon)
 */
export async function askDaemonFor(invocation: Invocation, person: PersonRequest, timeoutMs = 10_000): Promise<Fields> {
  const connection = await opened(invocation, person, timeoutMs);
  connection.socket.destroy();
  return toldBy(connection.answer);
}

function opened(invocation: Invocation, person: PersonRequest, timeoutMs: number): Promise<DaemonConnection> {
  const { config, cwd, env } = invocation;
  const hello = { id: newClientId(), version: portwrightVersion, client: "terminal", config, terminal: true, env, cwd };
  return reachDaemon(daemonPlace(invocation), { ...clientHello(hello), person }, { timeoutMs });
}

function toldBy({ told, error }: HelloAnswer): Fields {
  if (error !== undefined) throw new ConnectivityError(error.code, error.message, error.facts);
  if (told !== undefined) return told;
  throw new ConnectivityError("not_supported", "the running daemon is older than this command: portwright daemon stop");
}
