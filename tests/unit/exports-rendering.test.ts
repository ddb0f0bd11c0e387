import { execFileSync } from "node:child_process";
import { parseEnv } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderExports } from "#domain/exports-rendering.ts";

const one = (value: string, format: "dotenv" | "shell" | "json"): string =>
  renderExports([{ name: "A", value }], format);

describe("[environment-exports] variables for programs", () => {
  test("dotenv: plain where it is safe, quoted where it is not", () => {
    expect(one("redis://127.0.0.1:6379", "dotenv")).toBe("A=redis://127.0.0.1:6379\n");
    expect(one("a b # c $HOME", "dotenv")).toBe("A='a b # c $HOME'\n");
    expect(one("it's\n$x", "dotenv")).toBe('A="it\'s\\n\\$x"\n');
    expect(one("", "dotenv")).toBe("A=\n");
  });

  test("what dotenv can carry comes back as it was", () => {
    // Node's own reader knows no escapes but line breaks: backslashes and both quotes at once are beyond it.
    const readable = fc.string({ unit: fc.constantFrom(...'aZ0 #$=:/?&@%+,.-_é{}()"`~|<>;!*'.split("")) });
    fc.assert(
      fc.property(readable, (value) => {
        expect(parseEnv(one(value, "dotenv"))["A"]).toBe(value);
      }),
    );
    expect(parseEnv(one("it's two\nlines", "dotenv"))["A"]).toBe("it's two\nlines");
  });

  test("shell: a shell reads back any text", () => {
    const values = ["plain", "a b", "it's", '"$HOME" `id` $(id) \\', "line\nbreak", "", "é*?[a]~", "-n", "\u001B[2J"];
    const variables = values.map((value, index) => ({ name: `V${index}`, value }));
    const script = `${renderExports(variables, "shell")}printf '%s\\0' ${values.map((_, index) => `"$V${index}"`).join(" ")}`;
    const out = execFileSync("/bin/sh", ["-c", script]).toString().split("\0");
    expect(out.slice(0, -1)).toEqual(values);
  });

  test("json: one object; the last value of a name counts; a NUL ends a value", () => {
    const twice = [
      { name: "A", value: "1" },
      { name: "B", value: "x\0y" },
      { name: "A", value: "2" },
    ];
    expect(JSON.parse(renderExports(twice, "json"))).toEqual({ A: "2", B: "x" });
    expect(renderExports([], "json")).toBe("{}\n");
  });
});
