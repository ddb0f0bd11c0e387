import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leanSdk, withLazySchemas } from "../../scripts/lean-sdk.ts";
import { tools } from "../../src/server/mcp/registry.ts";
import { forEachClient } from "../support/mcp-clients.ts";

let folder = "";
let server = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "portwright-lean-"));
  server = join(folder, "server.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("stdio-server.ts", import.meta.url))],
    outfile: server,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node22",
    minify: true,
    plugins: [leanSdk],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the SDK as it is bundled", () => {
  forEachClient((_name, connect) => {
    test("serves tools, resources, prompts, completion and errors like the one that is not", async () => {
      const client = await connect({ command: process.execPath, args: [server], env: {} });
      expect(await client.listTools()).toHaveLength(tools.length);
      expect((await client.callTool("get_status", { include: ["env"] })).isError).toBe(false);
      expect((await client.callTool("get_status", { includes: 1 })).answer["error"].code).toBe("invalid_arguments");
      const uris = (await client.listResources()).map((resource) => (resource as { uri: string }).uri);
      expect(uris).toEqual(expect.arrayContaining(["portwright://status", "portwright://services/orders-db"]));
      expect(await client.readResource("portwright://services/orders")).toMatchObject({ service: "orders" });
      expect(await client.getPrompt("why_is_it_failing", { service: "orders" })).toContain("orders");
      expect(await client.complete({ prompt: "why_is_it_failing" }, "service", "pay")).toEqual(["payments"]);
      await expect(client.callTool("no_such_tool")).rejects.toMatchObject({ code: -32602 });
      await expect(client.readResource("portwright://nothing")).rejects.toMatchObject({ code: -32602 });
      await client.close();
    });
  });

  test("has no ajv in it", async () => {
    const code = await readFile(server, "utf8");
    expect(code).toContain("start_environment");
    expect(code).not.toContain("schema is invalid: ");
    expect(code.length).toBeLessThan(400_000);
  });

  test("a version that is written differently fails the build", async () => {
    const file = join(folder, "node_modules", "@modelcontextprotocol", "core", "dist", "schemas-Other1.mjs");
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'import * as z from "zod";\nexport const schemas = { one: z.string() };\n');
    const building = build({
      entryPoints: [file],
      bundle: true,
      write: false,
      external: ["zod"],
      logLevel: "silent",
      plugins: [leanSdk],
    });
    await expect(building).rejects.toThrow("0 schemas found, at least 14 were expected");
  });

  test("a schema is made when it is first used, and once", () => {
    const source = [
      'import * as z from "zod";',
      "const OneSchema = z.object({",
      "\ta: z.string()",
      "});",
      "function build() {",
      "\tconst TwoSchema$1 = OneSchema.extend({",
      "\t\tb: 1",
      "\t});",
      "\treturn TwoSchema$1;",
      "}",
      "const other = 1;",
    ].join("\n");
    const { code, schemas } = withLazySchemas(source);
    expect(schemas).toBe(2);
    expect(code).toContain("const OneSchema = /* @__PURE__ */ __lazySchema(() => z.object({\n\ta: z.string()\n}));");
    expect(code).toContain(
      "\tconst TwoSchema$1 = /* @__PURE__ */ __lazySchema(() => OneSchema.extend({\n\t\tb: 1\n\t}));",
    );
    expect(code).toContain("const other = 1;");
  });
});
