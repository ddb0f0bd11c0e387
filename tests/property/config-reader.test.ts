/** Whatever stands in a configuration file: a configuration or sentences with places, in bounded time. Never a crash. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConfigReading } from "#application/ports/config-source.ts";
import { isErrorCode } from "#domain/error-catalogue.ts";
import { interpret } from "#adapters/config-files/interpret.ts";

const dialects = ["portwright", "localport"] as const;
const canary = "cAnArY-7f3a";
const lookup = (name: string): string | undefined => (name === "SECRET" ? canary : undefined);

function read(text: string, dialect: (typeof dialects)[number]): { reading: ConfigReading; ms: number } {
  const startMs = performance.now();
  const reading = interpret("/w/file.yaml", text, dialect, lookup);
  return { reading, ms: performance.now() - startMs };
}

function expectSound(text: string, dialect: (typeof dialects)[number]): void {
  const { reading } = read(text, dialect);
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

/** Valid YAML of any shape: as JSON, with our keys. */
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    word,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    tie("list"),
    tie("map"),
  ),
  list: fc.array(tie("tree"), { maxLength: 4 }),
  map: fc.dictionary(word, tie("tree"), { maxKeys: 5 }),
}));
const service = fc
  .dictionary(word, tree, { maxKeys: 8 })
  .map((keys) => ({ name: "db", technology: "ssh", remote_port: 80, connection: { host: "x" }, ...keys }));
const file = fc.record(
  { services: fc.oneof(tree, fc.array(service, { maxLength: 4 })), environments: tree, defaults: tree, version: tree },
  { requiredKeys: [] },
);

describe.each(dialects)("a file of %s", (dialect) => {
  test("any text is read, or refused with sentences that have a place and hold no value of a variable", () => {
    fc.assert(
      fc.property(soup, (text) => expectSound(text, dialect)),
      { numRuns: 1500 },
    );
  });

  test("any bytes that are text as well", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => expectSound(text, dialect)),
      { numRuns: 500 },
    );
  });

  test("any values under our keys", () => {
    fc.assert(
      fc.property(file, (value) => expectSound(JSON.stringify(value), dialect)),
      { numRuns: 1000 },
    );
  });

  test("a valid file with one place broken", () => {
    const valid = `version: "1.0"\nservices:\n  - name: db\n    technology: ssh\n    local_port: 5432\n    remote_port: 5432\n    connection: {host: bastion, user: "\${env:SECRET}"}\n    health_check: {type: postgres, interval: 5s, config: {password: "\${env:SECRET}"}}\n    exports: {URL: "postgres://\${host}:\${port}"}\nenvironments:\n  - {name: dev, services: [db], default: true}\n`;
    const broken = fc.tuple(
      fc.nat(valid.length),
      fc.nat(20),
      fc.oneof(word, mark, fc.string({ unit: "binary", maxLength: 3 })),
    );
    fc.assert(
      fc.property(broken, ([at, cut, put]) => expectSound(valid.slice(0, at) + put + valid.slice(at + cut), dialect)),
      { numRuns: 1000 },
    );
  });

  /** Shapes that cost a parser time that grows faster than they do, each close to the largest file that is read. */
  const costly: Readonly<Record<string, string>> = {
    "open brackets": "[".repeat(900_000),
    "open braces": "{a: ".repeat(240_000),
    dashes: "- ".repeat(450_000),
    "explicit keys": "? ".repeat(450_000),
    tags: `a: ${"!x ".repeat(66_000)}`,
    anchors: `a: ${"&x ".repeat(66_000)}`,
    "aliases of aliases": `a: &a [${"x,".repeat(9)}x]\n${Array.from("bcdefghi")
      .map((name, at) => `${name}: &${name} [${`*${"abcdefgh"[at]},`.repeat(9)}]\n`)
      .join("")}`,
    "merges of a large map": `a: &a {${Array.from({ length: 9000 }, (_, at) => `k${at}: 1`).join(", ")}}\nservices:\n${"  - {<<: *a}\n".repeat(2000)}`,
    "equal keys": "a: b\n".repeat(45_000),
    "growing indentation": Array.from({ length: 1300 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"),
    quotes: `a: "${String.raw`\u0041`.repeat(150_000)}`,
    blanks: `a: x${" ".repeat(900_000)}y`,
    variables: `a: ${"${A:".repeat(200_000)}`,
    comments: "#\n".repeat(450_000),
    documents: "---\n".repeat(60_000),
    "a chain of services": `services:\n${Array.from({ length: 1999 }, (_, at) => `  - {name: n${at}, technology: ssh, remote_port: 1, local_port: 1, connection: {host: x}, depends_on: [n${at + 1}]}\n`).join("")}`,
    "environments without end": `services: []\nenvironments:\n${Array.from({ length: 20_000 }, (_, at) => `  - {name: e${at}, services: [a]}\n`).join("")}`,
  };
  test.each(Object.keys(costly))("takes bounded time: %s", (name) => {
    const text = costly[name] ?? "";
    expect(text.length).toBeLessThanOrEqual(1_000_000);
    // Under a second each on an idle machine; what grows faster than the text takes minutes.
    expect(read(text, dialect).ms).toBeLessThan(10_000);
  });
});
