import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";
import { ReadStream, WriteStream, isatty } from "node:tty";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { askHidden } from "./ask-hidden.ts";
import type { Invocation } from "./command.ts";

/** The person at the terminal that controls this process. */
export interface Terminal extends Disposable {
  show(text: string): void;
  /** One line that was typed; empty at the end of input. */
  ask(question: string): Promise<string>;
  /**
   * The same without showing what is typed; as it is, blanks included.
   * @throws ConnectivityError `cancelled` at Ctrl-C or the end of input
   */
  askHidden(question: string): Promise<string>;
}

/**
 * The controlling terminal itself, whatever stdin and stdout are: a pipe, or a program that answers for a person, is none.
 * @throws ConnectivityError `approval_required` when there is no terminal
 */
export function openTerminal({ terminal }: Pick<Invocation, "terminal">): Terminal {
  const opened = terminal === undefined ? controllingTerminal() : terminal();
  if (opened) return opened;
  throw new ConnectivityError(
    "approval_required",
    "this needs a person at a terminal, and there is none: run it in one",
  );
}

function controllingTerminal(): Terminal | undefined {
  let fd: number;
  try {
    fd = openSync("/dev/tty", "r+");
  } catch {
    return undefined;
  }
  if (!isatty(fd)) {
    closeSync(fd);
    return undefined;
  }
  const input = new ReadStream(fd);
  const output = new WriteStream(fd);
  return {
    show: (text) => void output.write(text),
    ask(question) {
      const lines = createInterface({ input, output, terminal: false });
      output.write(question);
      return new Promise((resolve) => {
        lines.once("line", (line) => {
          resolve(line.trim());
          lines.close();
        });
        lines.once("close", () => resolve(""));
      });
    },
    askHidden: (question) => askHidden(input, output, question),
    [Symbol.dispose]: () => {
      input.destroy();
      output.destroy();
    },
  };
}
