import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { askHidden } from "#cli/ask-hidden.ts";

class FakeTerminal extends PassThrough {
  readonly modes: boolean[] = [];
  setRawMode(raw: boolean): this {
    this.modes.push(raw);
    return this;
  }
}

describe("[ssh-login-by-person] a hidden line", () => {
  const ask = async (...keys: readonly string[]): Promise<{ typed: string; shown: string; modes: boolean[] }> => {
    const input = new FakeTerminal();
    let shown = "";
    const write = (text: string): void => {
      shown += text;
    };
    const asked = askHidden(input, { write }, "PIN: ");
    for (const key of keys) input.write(key);
    if (keys.length === 0) input.destroy();
    try {
      return { typed: await asked, shown, modes: input.modes };
    } finally {
      expect(input.modes).toEqual([true, false]);
    }
  };

  test("is what was typed, blanks and corrections included, and nothing of it is shown", async () => {
    expect(await ask("9", "9 8", "x\u007F", "8 \r")).toEqual({
      typed: "99 88 ",
      shown: "PIN: \n",
      modes: [true, false],
    });
    expect((await ask("wrong\u0015right\n")).typed).toBe("right");
    expect((await ask("a\u001B[A\r")).typed).toBe("a[A");
  });
  test("is given up by Ctrl-C, the end of input, or a terminal that goes away", async () => {
    for (const keys of [["ab\u0003"], ["\u0004"], []]) {
      await expect(ask(...keys)).rejects.toMatchObject({ code: "cancelled" });
    }
  });
});
