import { existsSync, readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { packagesBehind, violationsOf, type Rule } from "./support/architecture/rules.ts";

const folders = ["src", "tools", "resources", "prompts", "tests", "bench", "scripts"];
const files = folders
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`))
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => /\.m?ts$/.test(file));

describe("the architecture", () => {
  test("[project-architecture] holds in every file", () => {
    expect(files.length).toBeGreaterThan(100);
    const found = files.flatMap((file) => violationsOf(file, readFileSync(file, "utf8")));
    expect(found.map(({ rule, file, line, text }) => `${file}:${line}: ${rule}: ${text}`)).toEqual([]);
  });
  test("the shim loads no package: a warm start is bare Node and its own few files", () => {
    const entry = "src/shim/run-shim.ts";
    expect([...packagesBehind(entry, (file) => readFileSync(file, "utf8"))]).toEqual([]);
  });
});

/** Each guard, shown to fail: a file, its text, and the rule that it breaks. */
const broken: readonly (readonly [rule: Rule, file: string, text: string])[] = [
  ["import points outwards", "src/domain/backoff.ts", `import type { Clock } from "#application/ports/clock.ts";`],
  ["import points outwards", "src/domain/backoff.ts", `import { x } from "../application/x.ts";`],
  ["import points outwards", "src/application/engine/link.ts", `import { dial } from "#adapters/ssh/dial.ts";`],
  ["import points outwards", "src/application/engine/link.ts", `export { dial } from "../../adapters/ssh/dial.ts";`],
  ["import points outwards", "src/application/engine/link.ts", `const x = await import("#adapters/ssh/index.ts");`],
  ["import points outwards", "src/adapters/ssh/dial.ts", `import { serve } from "#server/mcp/serve.ts";`],
  ["import points outwards", "src/adapters/ssh/dial.ts", `import { compose } from "../../composition.ts";`],
  ["import points outwards", "src/server/mcp/registry.ts", `import { print } from "#cli/print.ts";`],
  ["import points outwards", "tools/diagnose.ts", `import {\n  dial,\n} from "#adapters/ssh/dial.ts";`],
  ["import points outwards", "tools/diagnose.ts", `import { registry } from "#server/mcp/registry.ts";`],
  ["import points outwards", "src/version.ts", `import { x } from "./domain/time.ts";`],
  ["adapter imports adapter", "src/adapters/ssh/dial.ts", `import { read } from "#adapters/kubernetes/config.ts";`],
  ["adapter imports adapter", "src/adapters/ssh/dial.ts", `import { read } from "../system/clock.ts";`],
  ["surface imported", "src/application/x.ts", `import { tool } from "#tools/diagnose.ts";`],
  ["surface imported", "src/cli/call.ts", `import { prompt } from "../../prompts/why-is-it-failing.ts";`],
  ["package in the core", "src/domain/x.ts", `import { parse } from "yaml";`],
  ["package in the core", "tools/x.ts", `import { Client } from "ssh2";`],
  ["node in the domain", "src/domain/x.ts", `import { join } from "node:path";`],
  ["I/O in the application", "src/application/x.ts", `import { readFile } from "node:fs/promises";`],
  ["clock or chance in the core", "src/domain/x.ts", `const at = Date.now();`],
  ["clock or chance in the core", "src/domain/x.ts", `const at = new Date();`],
  ["clock or chance in the core", "src/application/x.ts", `const jitter = Math.random();`],
  ["clock or chance in the core", "src/application/x.ts", `setTimeout(run, 10);`],
  ["bare error", "src/adapters/ssh/x.ts", `  throw new Error("no");`],
  ["bare error", "tools/x.ts", `  throw new TypeError("no");`],
  ["zod imported by name", "src/domain/x.ts", `import { z } from "zod";`],
  ["zod imported by name", "src/domain/x.ts", `import z from "zod";`],
  ["package imported dynamically", "src/adapters/proxy/x.ts", `const { Pool } = await import("undici");`],
  ["package imported dynamically", "src/adapters/proxy/x.ts", `const loaded = await import(name);`],
  ["node:http imported", "src/adapters/probes/x.ts", `import { type Agent, request } from "node:http";`],
  ["stdout", "src/server/x.ts", `console.error("here");`],
  ["stdout", "src/adapters/ssh/x.ts", `process.stdout.write("{}");`],
  ["request to the client", "src/server/mcp/x.ts", `await context.mcpReq.elicitInput({});`],
  ["request to the client", "src/server/mcp/x.ts", `await context.mcpReq.requestSampling({});`],
  ["folder without meaning", "src/adapters/ssh/utils/x.ts", ""],
  ["folder without meaning", "tests/support/helpers.ts", ""],
  ["file too long", "src/domain/x.ts", `${"//\n".repeat(250)}//`],
];

/** What looks alike and is fine. */
const fine: readonly (readonly [file: string, text: string])[] = [
  ["src/domain/spec/x.ts", `import * as z from "zod";\nimport type { A } from "../a.ts";`],
  ["src/domain/x.ts", `const at = new Date(atMs);\n/** Date.now() is not for here: \`import "node:fs"\`. */`],
  ["src/application/x.ts", `import type { Duplex } from "node:stream";\nimport { basename } from "node:path";`],
  ["src/adapters/ssh/x.ts", `import { relay } from "#adapters/net/relay.ts";\nimport { Client } from "ssh2";`],
  [
    "src/adapters/ssh/x.ts",
    `import { a } from "./wire/a.ts"; // not new Error("x")\nconst timer = setTimeout(run, 1);`,
  ],
  ["src/composition.ts", `const ssh = await import("#adapters/ssh/index.ts");\nimport { t } from "#tools/t.ts";`],
  ["src/adapters/probes/x.ts", `import type { Agent } from "node:http";\nimport https from "node:https";`],
  ["src/server/mcp/x.ts", `import { diagnose } from "#tools/diagnose.ts";`],
  ["src/cli/x.ts", `process.stdout.write("done");`],
  ["src/domain/x.ts", "//\n".repeat(250)],
  ["tests/unit/x.test.ts", "//\n".repeat(300)],
  ["src/domain/x.ts", `throw new ConnectivityError("config_invalid", "it is empty");`],
];

describe("each guard can fail", () => {
  test.each(broken)("%s: in %s, %.60s", (rule, file, text) => {
    expect(violationsOf(file, text)).toMatchObject([{ rule, file }]);
  });
  test.each(fine)("but not at this in %s: %.60s", (file, text) => {
    expect(violationsOf(file, text)).toEqual([]);
  });
  test("lines are counted over comments and statements of several lines", () => {
    const text = `/**\n * A comment.\n */\nimport {\n  a,\n} from "#adapters/ssh/a.ts";\n\nthrow new Error("no");`;
    expect(violationsOf("src/domain/x.ts", text).map(({ line }) => line)).toEqual([4, 8]);
  });
  test("a package behind a file is found, one behind a type or a later load is not", () => {
    const sources: Readonly<Record<string, string>> = {
      "src/shim/a.ts": `import { b } from "./b.ts";\nimport type { C } from "./c.ts";\nawait import("./c.ts");`,
      "src/shim/b.ts": `import pino from "pino";\nimport type * as z from "zod";`,
      "src/shim/c.ts": `import "ssh2";`,
    };
    expect([...packagesBehind("src/shim/a.ts", (file) => sources[file] ?? "")]).toEqual(["pino"]);
  });
});
