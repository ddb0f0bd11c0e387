import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { runDemo } from "#cli/demo/index.ts";
import { mainJs } from "../support/home.ts";
import { clients } from "../support/mcp-clients.ts";

const folderIn = (story: string): string => /(\S+)\/shop\/portwright\.yaml/.exec(story)?.[1] ?? "";

describe("the demo", () => {
  test("[demo-main-job] [demo-diagnose] starts, breaks, explains, heals and stops the shop in under 15 s", async () => {
    let story = "";
    const startedMs = performance.now();
    const exitCode = await runDemo([], {
      self: [process.execPath, mainJs],
      stdout: { write: (text) => (story += text) },
      env: process.env,
    });
    expect({ exitCode, story }).toMatchObject({ exitCode: 0 });
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expect(story).toContain("shop: 3 of 3 ready");
    expect(story).toMatch(/cache +ready +127\.0\.0\.1:\d+ +redis PING +\d+ ms +ssh/);
    expect(story).toMatch(/GET http:\/\/127\.0\.0\.1:\d+\/ → 200 in \d+ ms: <h1>Shop<\/h1> {"order":1}/);
    expect(story).toMatch(/GET .* → 502 in \d+ ms: the API answered 500/);
    expect(story).toMatch(/api +failed +application_unhealthy/);
    expect(story).toMatch(/application_unhealthy +api +application +service/);
    expect(story).toMatch(/GET .* → 200 in \d+ ms: <h1>Shop<\/h1> {"order":2}/);
    expect(story).toContain("connecting to 127.0.0.1 is refused on");
    expect(existsSync(folderIn(story))).toBe(false);
  });
  test("a command that cannot be started is told, and ends with 1", async () => {
    let story = "";
    const exitCode = await runDemo([], {
      self: [process.execPath, "-e", "process.stderr.write('no such thing'); process.exit(1)", "--"],
      stdout: { write: (text) => (story += text) },
      env: process.env,
    });
    expect(exitCode).toBe(1);
    expect(story).toContain("The demo failed: portwright mcp ended");
    expect(story).toContain("no such thing");
    expect(existsSync(folderIn(story))).toBe(false);
  });
  test("[demo-keep] stays up, and what it prints for an AI client works", async () => {
    const demo = spawn(process.execPath, [mainJs, "demo", "--keep"], { stdio: ["ignore", "pipe", "inherit"] });
    let story = "";
    demo.stdout.on("data", (chunk: Buffer) => (story += chunk.toString()));
    const exited = once(demo, "exit");
    try {
      await expect.poll(() => story, { timeout: 20_000 }).toContain("Then ask it");
      const snippet = story.slice(story.indexOf("\n{") + 1, story.indexOf("\n}\n") + 2);
      const { mcpServers } = JSON.parse(snippet) as { mcpServers: Record<string, Pasted> };
      const [connect] = clients.values();
      const client = await connect?.({ ...(mcpServers["portwright-demo"] as Pasted), cwd: "/" });
      expect((await client?.callTool("get_status"))?.answer).toMatchObject({ state: "ready", environment: "shop" });
      await client?.close();
    } finally {
      demo.kill("SIGINT");
    }
    expect(await exited).toEqual([0, null]);
    expect(existsSync(folderIn(story))).toBe(false);
  });
});

interface Pasted {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}
