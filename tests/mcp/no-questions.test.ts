import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

/**
 * What asks the client something in the middle of a call can hang for a minute on a stream that is not open yet; what
 * writes to stdout by itself breaks the protocol. Neither has a place here.
 */
const banned =
  /\b(?:elicitInput|requestSampling|createMessage|listRoots)\s*\(|\bconsole\.(?:log|info|debug)\b|process\.stdout\b/;

const root = new URL("../../", import.meta.url).pathname;

const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));

test("nothing asks the client in the middle of a call, or writes to stdout by itself", () => {
  const files = ["src/server", "src/application", "src/domain", "tools", "resources", "prompts"].flatMap(sources);
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => banned.test(readFileSync(join(root, file), "utf8")))).toEqual([]);
});

test("the ban can fail", () => {
  for (const bad of [
    "ctx.mcpReq.elicitInput({})",
    "await server.createMessage (x)",
    "console.log(1)",
    "process.stdout.write",
  ]) {
    expect(bad).toMatch(banned);
  }
});
