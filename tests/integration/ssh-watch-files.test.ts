import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { watchFiles } from "#adapters/ssh/watch-files.ts";
import { eventually } from "../support/eventually.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("[ssh-watch-files] thirty services that wait for a file are all told, without a warning, until they wait no more", async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), "portwright-watch-"));
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  try {
    const file = path.join(dir, "id_ed25519");
    const told = Array.from({ length: 30 }, () => 0);
    const watches = told.map((_, index) => watchFiles([file, file], () => void (told[index] = (told[index] ?? 0) + 1)));
    watches[0]?.[Symbol.dispose]();
    watches[0]?.[Symbol.dispose]();
    // Until its first look, which is what it compares with.
    await pause(500);
    await writeFile(file, "key");
    await eventually(async () => told.slice(1).every((times) => times === 1), 10_000);
    for (const watch of watches) watch[Symbol.dispose]();
    let again = 0;
    using _watch = watchFiles([file], () => void again++);
    await pause(500);
    await writeFile(file, "another key");
    await eventually(async () => again > 0, 10_000);
    expect(told[0]).toBe(0);
    expect(told.slice(1)).toEqual(Array.from({ length: 29 }, () => 1));
    expect(warnings).toEqual([]);
  } finally {
    process.off("warning", onWarning);
    await rm(dir, { recursive: true, force: true });
  }
});
