import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { controlArguments } from "./arguments.ts";

const run = promisify(execFile);
/** A question over a local socket; an OpenSSH that is stopped must not hold its askers. */
const answerMs = 5000;

/** A running OpenSSH, by its control socket. */
export interface Control {
  readonly program: string;
  readonly socketPath: string;
}

/** Asks a running OpenSSH for something. @returns what it printed, or `undefined` when it did not do it */
export async function control(
  { program, socketPath }: Control,
  command: "check" | "forward" | "cancel",
  ...rest: string[]
): Promise<string | undefined> {
  try {
    const argv = controlArguments(socketPath, command, ...rest);
    return (await run(program, argv, { timeout: answerMs, maxBuffer: 16 * 1024 })).stdout;
  } catch {
    return undefined;
  }
}
