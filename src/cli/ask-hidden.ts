import type { Readable } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const controlC = "\u0003";
const controlD = "\u0004";
const controlU = "\u0015";
const backspaces: readonly string[] = ["\b", "\u007F"];
const lineEnds: readonly string[] = ["\r", "\n"];
const longest = 4096;

/** What of a terminal (`tty.ReadStream`) is needed. */
type RawInput = Pick<Readable, "resume" | "pause"> & {
  setRawMode(raw: boolean): unknown;
  on(event: "data" | "close", listener: (bytes: Buffer) => void): unknown;
  off(event: "data" | "close", listener: (bytes: Buffer) => void): unknown;
};

/**
 * One line from a terminal that shows nothing of it. Backspace and Ctrl-U work; the terminal is as before afterwards.
 * @throws ConnectivityError `cancelled` at Ctrl-C, or at the end of input
 */
export async function askHidden(
  input: RawInput,
  output: { write(text: string): unknown },
  question: string,
): Promise<string> {
  // Before it asks: who is quick would be shown, and a Ctrl-C would be a signal.
  input.setRawMode(true);
  output.write(question);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const gaveUp = (): void => reject(new ConnectivityError("cancelled", "nothing was typed"));
  let typed: string[] = [];
  const onData = (bytes: Buffer): void => {
    for (const key of bytes.toString("utf8")) {
      if (lineEnds.includes(key)) return resolve(typed.join(""));
      if (key === controlC || (key === controlD && typed.length === 0)) return gaveUp();
      if (key === controlU) typed = [];
      else if (backspaces.includes(key)) typed.pop();
      else if (key >= " " && typed.length < longest) typed.push(key);
    }
  };
  input.on("data", onData);
  input.on("close", gaveUp);
  input.resume();
  try {
    return await promise;
  } finally {
    input.off("data", onData);
    input.off("close", gaveUp);
    input.pause();
    input.setRawMode(false);
    output.write("\n");
  }
}
