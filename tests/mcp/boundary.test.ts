import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { isErrorCode } from "#domain/error-catalogue.ts";
import { tools } from "../../src/server/mcp/registry.ts";
import { clients, forEachClient, type Facts, type McpClient } from "../support/mcp-clients.ts";
import { assertNextStepsValid } from "../support/next-steps.ts";
import { serve } from "./served.ts";

const refused = async (client: McpClient, tool: string, args: Record<string, unknown>): Promise<Facts> => {
  const { answer, isError, text } = await client.callTool(tool, args);
  expect(isError).toBe(true);
  expect(answer["error"]).toMatchObject({ code: "invalid_arguments", retryable: false, tried: tool });
  expect(text).toContain(answer["summary"]);
  assertNextStepsValid(answer);
  return answer;
};

describe("wrong arguments", () => {
  forEachClient((_name, connect) => {
    let client: McpClient;
    let called = 0;
    beforeAll(async () => {
      const count = async () => {
        called++;
        return { summary: "It ran." };
      };
      client = await connect(
        serve({ controlService: count, getStatus: count, waitFor: count, query: count }).transport,
      );
      return () => client.close();
    });

    test("each is named, with what is expected and the nearest valid name", async () => {
      const answer = await refused(client, "get_status", {
        servcies: ["db"],
        include: ["env", "flakey", 7],
        environment: 3,
      });
      expect(answer["error"].message).toBe(
        "environment must be a text, not an integer; " +
          "include[1] must be one of env, expiring, flaky, metadata, plans, workspaces (did you mean flaky?); " +
          "include[2] must be one of env, expiring, flaky, metadata, plans, workspaces; " +
          "servcies is not an argument of this tool (did you mean services?).",
      );
      expect(answer["error"].arguments).toHaveLength(4);
    });

    test("a call that is only misspelt is offered as it was meant", async () => {
      const one = await refused(client, "get_status", { servcies: ["db"], include: ["env", "flakey"] });
      expect(one["next_steps"]).toMatchObject([
        { tool: "get_status", arguments: { services: ["db"], include: ["env", "flaky"] } },
      ]);
      const two = await refused(client, "control_service", { service: "db", action: "restrat" });
      expect(two["next_steps"]).toMatchObject([
        { tool: "control_service", arguments: { service: "db", action: "restart" } },
      ]);
    });

    test("missing, unknown, of the wrong type, out of bounds, too long, too many", async () => {
      const messages: Record<string, unknown> = {};
      const cases: [string, Record<string, unknown>][] = [
        ["control_service", {}],
        ["control_service", { service: "db", action: "explode" }],
        ["control_service", { service: ["db"], action: null }],
        ["control_service", { service: "", action: "start" }],
        ["control_service", { service: "x".repeat(5000), action: "start" }],
        ["wait_for", { timeout_s: 51 }],
        ["wait_for", { timeout_s: 1.5 }],
        ["wait_for", { timeout_s: "5" }],
        ["query", { source: "logs", limit: 0 }],
        ["query", { source: "logs", match: "x".repeat(1001) }],
        ["get_status", { services: Array.from({ length: 300 }, () => "a") }],
        ["get_status", { services: Array.from({ length: 5000 }, () => 1) }],
        ["get_status", { zzz: 1, "\u001B[31m\u202Eevil": 2 }],
      ];
      for (const [tool, args] of cases) {
        const answer = await refused(client, tool, args);
        messages[`${tool} ${JSON.stringify(args).slice(0, 60)}`] = answer["error"].message;
      }
      expect(messages).toMatchInlineSnapshot(`
        {
          "control_service {"service":"","action":"start"}": "service must not be empty.",
          "control_service {"service":"db","action":"explode"}": "action must be one of start, stop, restart, reconnect.",
          "control_service {"service":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": "service must have at most 200 characters.",
          "control_service {"service":["db"],"action":null}": "service must be a text, not a list; action must be one of start, stop, restart, reconnect.",
          "control_service {}": "service is missing (a text); action is missing (one of start, stop, restart, reconnect).",
          "get_status {"services":["a","a","a","a","a","a","a","a","a","a","a","a"": "services must have at most 200 entries.",
          "get_status {"services":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1": "the arguments hold more than 2000 values.",
          "get_status {"zzz":1,"\\u001b[31m‮evil":2}": "zzz is not an argument of this tool; it takes services, environment, include; evil is not an argument of this tool; it takes services, environment, include.",
          "query {"source":"logs","limit":0}": "limit must be at least 1.",
          "query {"source":"logs","match":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": "match must have at most 1000 characters.",
          "wait_for {"timeout_s":"5"}": "timeout_s must be a number, not a string.",
          "wait_for {"timeout_s":1.5}": "timeout_s must be an integer, not a number.",
          "wait_for {"timeout_s":51}": "timeout_s must be at most 50.",
        }
      `);
    });

    test("a use case is not called with them", () => {
      expect(called).toBe(0);
    });
  });
});

describe("fuzzed calls", () => {
  test("any arguments of any tool end in a coded answer, and the server goes on", async () => {
    const connect = clients.get("client 2.x, 2026-07-28");
    const client = await connect!(serve().transport);
    const shapes = Object.fromEntries(
      tools.map((tool) => [tool.name, Object.keys((tool.input as unknown as { shape: object }).shape)]),
    );
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown>,
      fc.string({ unit: "binary", maxLength: 3000 }),
      fc.constantFrom("ready", "logs", "db", "__proto__", "\u0000", "../../etc/passwd", "${env:HOME}", "`id`"),
      fc.array(fc.oneof(fc.string(), fc.integer(), fc.constant(null)), { maxLength: 250 }),
    );
    const call = fc.constantFrom(...tools.map(({ name }) => name)).chain((name) =>
      fc.record({
        name: fc.constant(name),
        args: fc.dictionary(
          fc.oneof(
            { weight: 5, arbitrary: fc.constantFrom(...(shapes[name] ?? [])) },
            fc.string({ maxLength: 40 }),
            fc.constantFrom("__proto__", "constructor", "toString", "_meta"),
          ),
          value,
          { maxKeys: 5 },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(call, async ({ name, args }) => {
        const { answer, isError, text } = await client.callTool(name, args);
        expect(answer["summary"]).toMatch(/\S/);
        expect(text.length).toBeLessThan(8000);
        expect(JSON.stringify(answer).length).toBeLessThan(40_000);
        expect(isErrorCode(answer["error"]?.code ?? "cancelled")).toBe(true);
        expect(answer["error"] !== undefined).toBe(isError);
        assertNextStepsValid(answer);
      }),
      { numRuns: 400 },
    );
    expect((await client.callTool("get_status")).isError).toBe(false);
    await client.close();
  });

  test("any line at all leaves the server alive and its output JSON", async () => {
    const { far, connection, log } = serve();
    const lines: string[] = [];
    let rest = "";
    far.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    });
    const write = (text: string): Promise<void> => new Promise((done) => far.write(text, () => done()));
    await write(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "f", version: "1" } } })}\n`,
    );
    const message = fc.record(
      {
        jsonrpc: fc.constantFrom("2.0", "1.0", 2),
        id: fc.oneof(fc.integer({ min: 1000 }), fc.string(), fc.constant(null)),
        method: fc.constantFrom(
          "tools/call",
          "tools/list",
          "resources/read",
          "prompts/get",
          "completion/complete",
          "x",
        ),
        params: fc.oneof(
          fc.jsonValue({ maxDepth: 3 }),
          fc.record({
            name: fc.constantFrom("get_status", "why_is_it_failing", 7, null),
            uri: fc.constantFrom("portwright://services/%zz", "portwright://status", "x", ""),
            arguments: fc.jsonValue({ maxDepth: 2 }),
          }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          message.map((one) => JSON.stringify(one)),
          fc.string({ unit: "binary" }),
        ),
        async (line) => {
          await write(`${line.replaceAll("\n", " ")}\n`);
        },
      ),
      { numRuns: 300 },
    );
    const answered = new Promise<void>((done) =>
      far.on("data", () => lines.some((line) => line.includes('"id":"last"')) && done()),
    );
    await write(`${JSON.stringify({ jsonrpc: "2.0", id: "last", method: "tools/list" })}\n`);
    await answered;
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
    expect(JSON.stringify(log.lines)).not.toContain('"stack"');
    await connection.close();
    far.destroy();
  });
});
