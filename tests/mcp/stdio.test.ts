import { once } from "node:events";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { forEachClient } from "../support/mcp-clients.ts";

const server = fileURLToPath(new URL("stdio-server.ts", import.meta.url));
const command = { command: process.execPath, args: [server], env: { PATH: process.env["PATH"] ?? "" } };

describe("over stdio", () => {
  forEachClient((_name, connect) => {
    test("a client starts it, calls it, and it ends with the client", async () => {
      const client = await connect(command);
      expect(client.pid).toBeGreaterThan(0);
      expect((await client.callTool("get_status")).answer).toEqual({ summary: "dev: 1 of 1 ready.", state: "ready" });
      await client.close();
      await client.closed;
      expect(client.stderr()).toBe("closed\n");
    });
  });

  test("nothing but JSON-RPC comes out, whatever goes in", async () => {
    const child = spawn(command.command, command.args, { stdio: ["pipe", "pipe", "pipe"], env: command.env });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    const ended = once(child, "exit");
    const lines = [
      "not JSON",
      '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_status","arguments":{"x":1}}}',
      '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"get_status","arguments":"x"}}',
      '{"jsonrpc":"2.0","id":4,"method":"no/such"}',
      "\u0000\u0001",
    ];
    child.stdin.write(`${lines.join("\n")}\n`);
    while (!/"id":4/.test(out)) await once(child.stdout, "data");
    child.stdin.end();
    expect((await ended)[0]).toBe(0);
    const answers = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: number });
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([1, 2, 3, 4]));
  });
});
