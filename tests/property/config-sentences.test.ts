/** Configuration files that somebody wrote to do harm: whatever stands in them, what is said about it is plain text. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isErrorCode } from "#domain/error-catalogue.ts";
import { interpret } from "#adapters/config-files/interpret.ts";

const dialects = ["portwright", "localport"] as const;
const canary = "cAnArY-7f3a";
const lookup = (name: string): string | undefined => (name === "SECRET" ? canary : undefined);

function expectSound(text: string, dialect: (typeof dialects)[number]): void {
  const reading = interpret("/w/file.yaml", text, dialect, lookup);
  const problems = reading.ok ? reading.configuration.warnings : reading.problems;
  const lines = text.split(/\r\n|[\r\n]/).length;
  expect(reading.ok || problems.some(({ severity }) => severity === "error")).toBe(true);
  expect(problems.length).toBeLessThanOrEqual(500);
  for (const { line, column, code, message, text: shown = "" } of problems) {
    expect(line).toBeGreaterThanOrEqual(1);
    expect(line).toBeLessThanOrEqual(lines + 1);
    expect(column).toBeGreaterThanOrEqual(1);
    expect(isErrorCode(code)).toBe(true);
    expect(message.length).toBeLessThan(600);
    expect(shown.length).toBeLessThan(300);
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  }
  const names = reading.ok ? reading.configuration.services.map(({ name }) => name) : [];
  expect(names.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  // What a variable holds is used, and never said.
  expect(JSON.stringify(problems)).not.toContain(canary);
}

/** Words that mean something here, so that the reader is led into its corners. */
const word = fc.constantFrom(
  ..."services environments defaults access version name technology local_port remote_port connection host port user".split(
    " ",
  ),
  ..."key_file password health_check type config url interval exports depends_on tags enabled via routes tls".split(
    " ",
  ),
  ..."kubernetes kubectl ssh proxy postgres http tcp db a b true yes on null ~ 0 010 0x1F 1e3 22:22 1.0 65536 -1".split(
    " ",
  ),
  ...[
    "${env:SECRET}",
    "${SECRET}",
    "${SECRET:x}",
    "${env:NONE}",
    "${NONE:-x}",
    "${",
    "${file:/etc/passwd}",
    "${command:id}",
  ],
  ...[
    "__proto__",
    "constructor",
    "<<",
    "*a",
    "&a",
    "!!str",
    "!x",
    "my db",
    "-db",
    "my.db",
    "\u202Eevil",
    "\u001B[31m",
    "é",
    "",
  ],
);
const mark = fc.constantFrom(
  ": ",
  ":\n",
  "\n",
  "\n  ",
  "\n    ",
  "\n  - ",
  "- ",
  ", ",
  "{",
  "}",
  "[",
  "]",
  '"',
  "'",
  "#",
  "|\n",
  ">\n",
  "---\n",
  "...\n",
  "\t",
  "\r\n",
  " ",
  "? ",
  "%YAML 1.1\n",
);
const soup = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: word },
      { weight: 3, arbitrary: mark },
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(""));

/** A file whose one service has a name of any kind. */
const withName = fc
  .array(fc.oneof(word, fc.string({ unit: "binary", maxLength: 4 })), { minLength: 1, maxLength: 3 })
  .map(
    (parts) =>
      `version: "1.0"\nservices:\n  - {name: ${JSON.stringify(parts.join(""))}, technology: ssh, local_port: 1, remote_port: 80, connection: {host: x}}\n`,
  );

describe.each(dialects)("a file of %s", (dialect) => {
  test("words of ours in any order, with invisible characters: only plain sentences come out", () => {
    fc.assert(
      fc.property(fc.oneof(soup, withName), (text) => expectSound(text, dialect)),
      { numRuns: 1500 },
    );
  });
});
