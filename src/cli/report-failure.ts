import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { exit, type Invocation } from "./command.ts";
import { printable } from "./printable.ts";

/** The exit code of a failure, by what it asks of the person. */
export function exitCodeOf(code: string): number {
  if (code === "config_not_found" || code === "config_invalid") return exit.configuration;
  if (code === "daemon_unreachable") return exit.unreachable;
  if (code === "invalid_arguments") return exit.usage;
  return exit.failed;
}

/** Prints what went wrong: JSON on stdout where JSON was asked for, a sentence on stderr else. @returns the exit code */
export function reportFailure(thrown: unknown, { output, stdout, stderr, env }: Invocation): number {
  const failure: Failure = toConnectivityError(thrown).toFailure();
  if (output === "json") {
    const { code, message } = failure;
    stdout.write(`${JSON.stringify({ summary: message, error: failure, code }, undefined, 2)}\n`);
  }
  stderr.write(`portwright: ${printable(failure.message)} (${failure.code})\n`);
  if (failure.untrusted !== undefined) stderr.write(`${printable(failure.untrusted)}\n`);
  if (!(thrown instanceof ConnectivityError) && env["PORTWRIGHT_LOG_LEVEL"] === "debug") {
    stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
  }
  return exitCodeOf(failure.code);
}
