import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** A line of the log longer than this says nothing that is looked at. */
const longestLine = 4096;

/**
 * Starts OpenSSH in the background of a shell that waits for our end of its input: when this process dies, however it
 * does, the shell notices and ends OpenSSH too. The shell closes its own copy of the log, so that the log ends with
 * OpenSSH.
 */
const guard = `"$@" </dev/null >/dev/null & c=$!; exec 2>&- >&-; read -r _; kill "$c"; (sleep 2; kill -9 "$c") & k=$!; wait "$c"; kill "$k"`;

/** An OpenSSH that runs, by its log. */
export class MasterProcess {
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  #over = false;

  /** @param onLine called for each line of its log, in order */
  constructor(
    program: string,
    argv: readonly string[],
    environment: Readonly<Record<string, string>>,
    onLine: (line: string) => void,
  ) {
    this.#child = spawn("/bin/sh", ["-c", guard, "portwright-ssh", program, ...argv], {
      stdio: ["pipe", "ignore", "pipe"],
      env: { ...environment },
      // A session of its own: no terminal to ask on, and a Ctrl-C there is not meant for it.
      detached: true,
    });
    const { stderr, stdin } = this.#child;
    stdin.on("error", () => {});
    let rest = "";
    stderr.setEncoding("utf8");
    stderr.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(0, longestLine);
      for (const line of lines) onLine(line.slice(0, longestLine).replace(/\r$/, ""));
    });
    this.ended = this.#wait();
  }

  /** Ends it; a second word is not needed. Idempotent. */
  end(): void {
    if (!this.#over) this.#child.stdin.end();
  }

  async #wait(): Promise<void> {
    try {
      // The log ends with OpenSSH itself; then the shell is told to end as well.
      await Promise.race([once(this.#child.stderr, "end"), once(this.#child, "exit")]);
    } catch {
      // A shell that could not be started has ended.
    }
    this.#over = true;
    this.#child.stdin.end();
    this.#child.on("error", () => {});
  }
}
