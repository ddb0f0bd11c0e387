import type { PersonRequest } from "#application/usecases/person-request.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { clientHello, newClientId } from "#shim/client-hello.ts";
import { daemonPlace } from "#shim/daemon-place.ts";
import { reachDaemon } from "#shim/reach-daemon.ts";
import { portwrightVersion } from "../version.ts";
import type { Fields } from "./answer-fields.ts";
import type { Invocation } from "./command.ts";

/**
 * Says something for the person at the terminal, in the opening line of a connection: no tool, so no AI client can.
 * @throws ConnectivityError the daemon's, or `daemon_unreachable`, `not_supported` (an older daemon)
 */
export async function askDaemonFor(invocation: Invocation, person: PersonRequest, timeoutMs = 10_000): Promise<Fields> {
  const { config, cwd, env } = invocation;
  const hello = { id: newClientId(), version: portwrightVersion, client: "terminal", config, terminal: true, env, cwd };
  const connection = await reachDaemon(daemonPlace(invocation), { ...clientHello(hello), person }, { timeoutMs });
  connection.socket.destroy();
  const { told, error } = connection.answer;
  if (error !== undefined) throw new ConnectivityError(error.code, error.message, error.facts);
  if (told !== undefined) return told;
  throw new ConnectivityError("not_supported", "the running daemon is older than this command: portwright daemon stop");
}
