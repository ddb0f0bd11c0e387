import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { exit, type Invocation } from "./command.ts";
import { openSession, type DaemonSession, type ToolAnswer } from "./daemon-session.ts";
import { liveTable } from "./live-table.ts";
import { textSheet, type Sheet } from "./render.ts";

const everyMs = 1000;

/**
 * Goes on showing the status until Ctrl-C: on a terminal a live table; as JSON one object a line, each time that something
 * is different; elsewhere the text, likewise.
 */
export async function watchStatus(
  invocation: Invocation,
  args: Readonly<Record<string, unknown>>,
  sheetOf: (answer: ToolAnswer["answer"]) => Sheet,
): Promise<number> {
  using connection = reopening(invocation);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once("SIGINT", end).once("SIGTERM", end);
  const { stdout, output } = invocation;
  const live = stdout.isTTY === true && output === "table" ? liveTable(invocation) : undefined;
  let before = "";
  try {
    while (!ending.signal.aborted) {
      const { answer } = await connection.status(args);
      const shown = JSON.stringify(withoutAges(answer));
      if (live) live.draw(sheetOf(answer), `every second; Ctrl-C ends (${new Date().toTimeString().slice(0, 8)})`);
      else if (shown !== before) {
        const text = output === "json" ? `${JSON.stringify(answer)}\n` : `${textSheet(sheetOf(answer))}\n`;
        // A reader that is slow is waited for.
        if (!stdout.write(text)) await once(stdout, "drain", { signal: ending.signal });
      }
      before = shown;
      await sleep(everyMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  } finally {
    live?.[Symbol.dispose]();
    process.off("SIGINT", end).off("SIGTERM", end);
  }
  return exit.done;
}

/** A daemon that was replaced or ended is connected to again; a second failure in a row is told. */
function reopening(invocation: Invocation): Disposable & { status(args: object): Promise<ToolAnswer> } {
  let session: DaemonSession | undefined;
  const ask = async (args: object): Promise<ToolAnswer> => {
    session ??= await openSession(invocation);
    return session.call("get_status", { ...args });
  };
  return {
    status: (args) =>
      ask(args).catch(() => {
        session?.[Symbol.dispose]();
        session = undefined;
        return ask(args);
      }),
    [Symbol.dispose]: () => session?.[Symbol.dispose](),
  };
}

/** What grows by itself every second is no change. */
function withoutAges(answer: ToolAnswer["answer"]): object {
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) => {
      if (key === "at" || key === "since_s" || key === "last_ready") return undefined;
      // `ready` is a table: its column of ages.
      if (key === "rows" && Array.isArray(value))
        return value.map((row: unknown) => (Array.isArray(row) ? [row[0], row[1]] : row));
      return value;
    }),
  ) as object;
}
