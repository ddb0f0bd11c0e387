import { tableSheet, type Sheet } from "./render.ts";
import type { Surroundings } from "./command.ts";

/** Escape sequences of ECMA-48 that every terminal of the last decades knows. */
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";
const alternate = { enter: "\u001b[?1049h\u001b[?25l", leave: "\u001b[?25h\u001b[?1049l" };

interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
}

/** A frame of the live table: at most as many lines and columns as the terminal has; what does not fit is counted. */
export function frame(sheet: Sheet, { columns = 80, rows = 24 }: Terminal, colour: boolean, footer: string): string[] {
  const lines = tableSheet(sheet, colour)
    .trimEnd()
    .split("\n")
    .map((line) => clipped(line, columns));
  const room = Math.max(3, rows - 1);
  if (lines.length + 1 <= room) return [...lines, clipped(footer, columns)];
  // The summary stands last and is the most important line.
  const kept = lines.slice(0, room - 3);
  const hidden = lines.length - kept.length - 1;
  return [...kept, clipped(`… ${hidden} more lines`, columns), lines.at(-1) ?? "", clipped(footer, columns)];
}

/** Cut at the width of the terminal; escape sequences take no room. */
function clipped(line: string, columns: number): string {
  let width = 0;
  let shown = "";
  // oxlint-disable-next-line no-control-regex
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith("\u001b[")) {
      shown += part;
      continue;
    }
    const fits = part.slice(0, Math.max(0, columns - width));
    shown += fits;
    width += fits.length;
  }
  return shown;
}

/** Draws frames over each other on the terminal's second screen, without a flicker; disposing gives the first one back. */
export function liveTable({ stdout, env }: Pick<Surroundings, "stdout" | "env">): Disposable & {
  draw(sheet: Sheet, footer: string): void;
} {
  const colour = !env["NO_COLOR"];
  stdout.write(alternate.enter);
  return {
    draw(sheet, footer) {
      const lines = frame(sheet, stdout as Terminal, colour, footer);
      // Lines are overwritten, not erased first: nothing is blank in between. One write, so that no half frame shows.
      stdout.write(`${home}${lines.map((line) => `${line}${clearLine}`).join("\r\n")}${clearBelow}`);
    },
    [Symbol.dispose]: () => void stdout.write(alternate.leave),
  };
}
