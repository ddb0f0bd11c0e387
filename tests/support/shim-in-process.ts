import { fileURLToPath } from "node:url";
import { PassThrough } from "node:stream";
import type { DaemonPlace } from "#shim/reach-daemon.ts";
import { runShim } from "#shim/run-shim.ts";
import type { Sandbox } from "./processes.ts";

/** A shim of this process over two streams. */
export interface ShimInProcess extends AsyncDisposable {
  /** Where a client writes. */
  readonly input: PassThrough;
  /** Where it reads. */
  readonly output: PassThrough;
  /** What the shim says to the person. */
  readonly notices: string[];
  /** Settles when the shim has ended. */
  readonly ended: Promise<void>;
}

/** What a shim of the sandbox starts as its daemon, when none runs: a process around the echo application. */
export const placeOf = ({ paths, env }: Sandbox, more: Record<string, string> = {}): DaemonPlace => ({
  paths,
  command: [process.execPath, fileURLToPath(new URL("daemon-entry.ts", import.meta.url))],
  env: { ...env, ...more },
});

export function startShim(sandbox: Sandbox, options: Partial<Parameters<typeof runShim>[0]> = {}): ShimInProcess {
  const input = new PassThrough();
  const output = new PassThrough();
  const notices: string[] = [];
  const ended = runShim({
    place: placeOf(sandbox),
    version: "0.1.0",
    input,
    output,
    notice: (text) => void notices.push(text),
    cwd: sandbox.home,
    ...options,
  });
  return {
    input,
    output,
    notices,
    ended,
    async [Symbol.asyncDispose]() {
      input.end();
      await ended;
    },
  };
}
