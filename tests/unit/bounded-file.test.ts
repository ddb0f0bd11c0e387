import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { readBounded } from "#adapters/net/bounded-file.ts";

const dir = mkdtempSync(path.join(os.tmpdir(), "portwright-bounded-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("a file, and one byte more than the limit of one that is too large", async () => {
  const file = path.join(dir, "file");
  writeFileSync(file, "x".repeat(200_000));
  expect((await readBounded(file, 200_000)).length).toBe(200_000);
  expect((await readBounded(file, 1000)).length).toBe(1001);
  await expect(readBounded(path.join(dir, "none"), 10)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(readBounded(dir, 10)).rejects.toMatchObject({ code: "EISDIR" });
});

test("[ssh-odd-files] a pipe that nobody writes to and a device without an end hold nothing up", async () => {
  const pipe = path.join(dir, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect((await readBounded(pipe, 10)).length).toBe(0);
  expect((await readBounded("/dev/zero", 100_000)).length).toBe(100_001);
});
