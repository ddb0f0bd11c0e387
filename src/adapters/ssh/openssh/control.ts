import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { controlArguments } from "./arguments.ts";

const run = promisify(execFile);
/** A question over a local socket; an OpenSSH that is stopped must not hold its askers. */
const answerMs = 5000;

/** Asks a running OpenSSH something over its control socket. @returns whether it did it */
export async function control(
  program: string,
  socketPath: string,
  command: string,
  ...rest: string[]
): Promise<boolean> {
  try {
    await run(program, controlArguments(socketPath, command, ...rest), { timeout: answerMs, maxBuffer: 16 * 1024 });
    return true;
  } catch {
    return false;
  }
}
