import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { instructionsFor } from "../../src/server/mcp/instructions.ts";
import { prompts, resources, resourceTemplates, tools } from "../../src/server/mcp/registry.ts";
import { forEachClient } from "../support/mcp-clients.ts";
import { serve } from "./served.ts";

const golden = (name: string): string => readFileSync(new URL(`./golden/${name}`, import.meta.url), "utf8");

interface ListedTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly outputSchema: object;
  readonly annotations: Record<string, unknown>;
}

/** What of a listed tool is ours; each era adds fields of its own. */
const ours = ({ name, title, description, inputSchema, outputSchema, annotations }: ListedTool): ListedTool => ({
  name,
  title,
  description,
  inputSchema,
  outputSchema,
  annotations,
});

/** Old drafts and dialects that a client adds to what it shows do not count. */
const withoutDialect = (tool: ListedTool): ListedTool =>
  JSON.parse(JSON.stringify(tool, (key, value: unknown) => (key === "$schema" ? undefined : value))) as ListedTool;

describe("the surface", () => {
  forEachClient((_name, connect) => {
    test("[mcp-surface] tools/list is the golden file, in its order, and within 6,000 tokens", async () => {
      const { transport, connection } = serve();
      const client = await connect(transport);
      const listed = (await client.listTools()) as ListedTool[];
      expect(listed.map(ours).map(withoutDialect)).toEqual(JSON.parse(golden("tools.json")));
      const line = transport.received.findLast((text) => text.includes('"inputSchema"')) ?? "";
      expect(line.length / 4).toBeGreaterThan(1000);
      expect(line.length / 4).toBeLessThanOrEqual(6000);
      await client.close();
      await connection.closed;
    });

    test("[ssh-tool-set] a client that asks for a set has its tools behind the others, in the golden file", async () => {
      const { transport, connection } = serve({}, { PORTWRIGHT_TOOLS: "none, ssh" });
      const client = await connect(transport);
      const listed = ((await client.listTools()) as ListedTool[]).map(ours).map(withoutDialect);
      expect(listed.slice(0, tools.length)).toEqual(JSON.parse(golden("tools.json")));
      expect(listed.slice(tools.length)).toEqual(JSON.parse(golden("tools-ssh.json")));
      const { answer } = await client.callTool("list_ssh_hosts", { query: "bas" });
      expect(answer["hosts"]).toEqual([{ host: "bastion" }]);
      await client.close();
      await connection.closed;
    });

    test("[mcp-instructions] says who it is, and what it is for in at most 2,048 characters", async () => {
      const { transport } = serve();
      const client = await connect(transport);
      expect(client.serverInfo()).toMatchObject({ name: "portwright", title: "Portwright", version: "1.2.3" });
      expect(client.instructions().length).toBeGreaterThan(500);
      expect(client.instructions().length).toBeLessThanOrEqual(2048);
      await client.close();
    });
  });

  test("the instructions name only tools that are there", () => {
    const known = new Set(tools.map(({ name }) => name));
    const contract = [
      ...["discover_targets", "connect", "configure_service", "remove_service", "optimize", "set_up_load_balancing"],
      ...["apply_plan", "get_history"],
    ];
    const said = instructionsFor(known).split(/[^a-z_]+/);
    expect(contract.filter((name) => said.includes(name) && !known.has(name))).toEqual([]);
    const all = new Set([...known, ...contract]);
    expect(instructionsFor(all)).toBe(golden("instructions.txt").trimEnd());
    expect(instructionsFor(all).length).toBeLessThanOrEqual(2048);
  });

  test("every tool says all four hints, a title and a description of its own", () => {
    const hints = ["destructiveHint", "idempotentHint", "openWorldHint", "readOnlyHint"];
    for (const tool of tools) {
      expect(Object.keys(tool.annotations).toSorted()).toEqual(hints);
      expect(tool.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(tool.title).toMatch(/\S/);
      expect(tool.description.length).toBeGreaterThan(60);
    }
    expect(new Set(tools.map(({ description }) => description)).size).toBe(tools.length);
    expect(tools.length).toBeLessThanOrEqual(16);
  });

  test("resources and prompts have names of their own", () => {
    const names = [...resources, ...resourceTemplates, ...prompts].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
