import type { Readable, Writable } from "node:stream";
import { clientHello, newClientId } from "./client-hello.ts";
import { watchParent } from "#server/daemon/parent-watch.ts";
import { reachDaemon, type DaemonPlace } from "./reach-daemon.ts";
import { Relay } from "./relay.ts";

export interface ShimOptions {
  readonly place: DaemonPlace;
  readonly version: string;
  /** Absolute path given by `--config`. */
  readonly config?: string | undefined;
  readonly input: Readable;
  readonly output: Writable;
  /** A sentence for the person. */
  readonly notice: (text: string) => void;
  readonly cwd: string;
  readonly reachTimeoutMs?: number;
}

/** Calls in flight may end within this time after the client closed its side. */
const lastAnswersMs = 1000;

/**
 * Relays MCP between this process's client and the daemon, until the client goes: end of input, a broken output, or the
 * death of the parent process. Writes nothing but JSON-RPC lines to `output`.
 */
export async function runShim(options: ShimOptions): Promise<void> {
  const id = newClientId();
  let lastNotice = "";
  const relay = new Relay({
    input: options.input,
    output: options.output,
    reach: (client, reach) =>
      reachDaemon(
        options.place,
        clientHello({
          id,
          version: options.version,
          client: client ?? "unknown",
          config: options.config,
          terminal: false,
          env: options.place.env,
          cwd: options.cwd,
        }),
        { ...reach, ...(options.reachTimeoutMs !== undefined && { timeoutMs: options.reachTimeoutMs }) },
      ),
    notice: (text) => {
      if (text !== lastNotice) options.notice(text);
      lastNotice = text;
    },
  });
  const gone = new Promise<number>((resolve) => {
    // Whoever has no more questions may still want the answers; a client without an output or a life does not.
    options.input.on("end", () => resolve(lastAnswersMs));
    options.input.on("close", () => resolve(lastAnswersMs));
    options.input.on("error", () => resolve(0));
    options.output.on("error", () => resolve(0));
    options.output.on("close", () => resolve(0));
    watchParent(() => resolve(0));
  });
  relay.start();
  await relay.finish(await gone);
}
