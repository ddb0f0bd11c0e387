import { expect, test } from "vitest";
import { proxyWords } from "#adapters/ssh/proxy-command.ts";

test.each([
  ["nc host 22", ["nc", "host", "22"]],
  ["exec  nc -x 'proxy host':1080  host 22 ", ["nc", "-x", "proxy host:1080", "host", "22"]],
  [
    `aws ssm start-session --parameters "portNumber=22" --region ''`,
    ["aws", "ssm", "start-session", "--parameters", "portNumber=22", "--region", ""],
  ],
  ["a\tb", ["a", "b"]],
])("%j is one program", (line, words) => {
  expect(proxyWords(line)).toEqual(words);
});

test.each([
  "nc h 22 2>/dev/null",
  "a | b",
  "a; b",
  "a & b",
  "$(a) b",
  "a `b`",
  `a "$HOME"`,
  "a ~/b",
  "a *",
  "X=1 a",
  "a 'b",
  "a \\b",
  "",
  "exec",
  "'' a",
  "(a)",
  "! a",
])("%j is a shell's", (line) => {
  expect(proxyWords(line)).toBeUndefined();
});
