import { styleText } from "node:util";

/** Where the demo's words go. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Prints the story: numbered headings, lines below them, tables in columns. With weight and colour on a terminal only. */
export class Narrator {
  readonly #output: Output;
  readonly #styled: boolean;
  #step = 0;

  constructor(output: Output, env: NodeJS.ProcessEnv) {
    this.#output = output;
    this.#styled = output.isTTY === true && !env["NO_COLOR"];
  }

  title(text: string): void {
    this.#output.write(`${this.#style("bold", text)}\n`);
  }

  step(text: string): void {
    this.#step += 1;
    this.#output.write(`\n${this.#style("bold", `${this.#step}. ${text}`)}\n`);
  }

  line(text: string): void {
    this.#output.write(`   ${text}\n`);
  }

  /** Text as it stands, to be copied. */
  block(text: string): void {
    this.#output.write(`${text}\n`);
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((title, column) =>
      Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
    );
    const format = (row: readonly string[]): string =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd();
    this.line(this.#style("dim", format(head)));
    for (const row of rows) this.line(format(row));
  }

  #style(style: "bold" | "dim", text: string): string {
    return this.#styled ? styleText(style, text, { validateStream: false }) : text;
  }
}
