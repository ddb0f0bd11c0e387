import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Access } from "#application/ports/access.ts";
import type { Probe } from "#application/ports/probe.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { clippedBytes, failure } from "./failures.ts";
import { openPrivatePort } from "./private-port.ts";
import { type Proof, runExchange } from "./run-exchange.ts";

/** A program that does not end when it is asked to has this long. */
const graceMs = 500;

/**
 * A program of the person's, without a shell, in a trusted workspace only. It reaches the service through the same path
 * as every check: `HOST` and `PORT` name a local port of its own that lives as long as it does. It passes with exit
 * code 0; the end of what it prints is evidence.
 */
export const commandProbe: Probe<"command"> = {
  run: ({ config }, path, { signal, access }) =>
    runExchange(path, signal, "application_unhealthy", async ({ connect }) => {
      if (access.trusted !== true) throw notTrusted();
      const [program = "", ...words] = config.command;
      await using port = await openPrivatePort(connect);
      const env = { ...access.environment(), HOST: port.host, PORT: String(port.port) };
      return await run(program, words, env, access, signal);
    }),
};

const notTrusted = (): ConnectivityError =>
  new ConnectivityError(
    "workspace_untrusted",
    "a command check works only in a workspace that a person trusts: run portwright trust",
    { reference: "command check" },
  );

async function run(
  program: string,
  words: readonly string[],
  env: Record<string, string>,
  access: Access,
  signal: AbortSignal,
): Promise<Proof> {
  const child = spawn(program, words, { cwd: access.workspaceDir, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = Buffer.alloc(0);
  for (const output of [child.stdout, child.stderr])
    output.on("data", (chunk: Buffer) => (said = Buffer.concat([said, chunk]).subarray(-clippedBytes)));
  const stop = (): void => {
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGKILL"), graceMs).unref();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    if (signal.aborted) stop();
    const [exit, by] = await closed;
    if (signal.aborted) throw failure("application_slow", "the check's program did not end in time", {}, said);
    if (exit === 0) return { by: "command exit 0", facts: { exit: 0 } };
    const facts = exit === null ? { signal: String(by) } : { exit };
    throw failure("application_unhealthy", "the check's program says that it is not well", facts, said);
  } catch (thrown) {
    if (thrown instanceof ConnectivityError) throw thrown;
    throw new ConnectivityError(
      "config_invalid",
      "the check's program cannot be run: it is not on the PATH of any connected client, or is no program",
      { program },
      { cause: thrown },
    );
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
