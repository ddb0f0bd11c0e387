import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { Sandbox } from "../support/processes.ts";

const root = resolve(import.meta.dirname, "../..");
const mainJs = resolve(root, "dist/main.js");

describe("the built command", () => {
  beforeAll(() => {
    if (!existsSync(mainJs)) execFileSync(process.execPath, ["scripts/build.ts"], { cwd: root });
  });

  test("is a program, and holds the shim without any package", () => {
    const text = readFileSync(mainJs, "utf8");
    expect(statSync(mainJs).mode & 0o111).toBe(0o111);
    expect(text.startsWith("#!/usr/bin/env node\n")).toBe(true);
    expect(text).not.toContain("node_modules/");
    expect([...text.matchAll(/require\("(?!node:)([^"]+)"\)/g)].map(([, name]) => name)).toEqual([]);
    expect([...text.matchAll(/import\("([^"]+)"\)/g)].map(([, name]) => name)).toEqual([
      "./cli.mjs",
      "./composition.mjs",
    ]);
    // A sentence of the shim's relay: names of files are gone from what is built.
    expect(text).toContain("dropped a line from the client that is not JSON");
  });

  test("`mcp` reads no other file of ours", async () => {
    await using sandbox = new Sandbox();
    const daemon = sandbox.daemon();
    await expect.poll(() => sandbox.control("status"), { timeout: 10_000 }).toBeDefined();
    // The loader of ES modules says what it loads.
    const shim = spawn(process.execPath, [mainJs, "mcp"], { env: { ...sandbox.env, NODE_DEBUG: "esm,module" } });
    let stderr = "";
    shim.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    shim.stdin.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n');
    const [answer] = (await once(shim.stdout, "data")) as [Buffer];
    expect(JSON.parse(answer.toString())).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
    shim.stdin.end();
    expect(await once(shim, "exit")).toEqual([0, null]);
    expect(stderr).toContain("main.js");
    expect(stderr).not.toMatch(/\.mjs|chunks\/|node_modules\/(?:@modelcontextprotocol|zod|yaml)/);
    daemon.kill();
    await once(daemon, "exit");
  });
});
