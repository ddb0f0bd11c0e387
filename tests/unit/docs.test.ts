import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { createConfigSource } from "#adapters/config-files/index.ts";
import { configurationJsonSchema } from "#domain/spec/json-schema.ts";

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].concat(
  readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
);
const read = (page: string): string => readFileSync(page, "utf8");
const blocks = (page: string, language: string): string[] =>
  [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm"))].map(([, text = ""]) => text);

interface Server {
  readonly command: string;
  readonly args: readonly string[];
}

describe("the documents", () => {
  test("[project-client-snippets] what is to be pasted into AI clients is valid, and names the command that there is", () => {
    const { bin } = JSON.parse(read("package.json")) as { bin: Record<string, string> };
    const snippets = [read("mcp.json.example"), ...blocks("README.md", "json")].map(
      (text) => JSON.parse(text) as { mcpServers?: Record<string, Server>; servers?: Record<string, Server> },
    );
    expect(snippets).toHaveLength(4);
    for (const { mcpServers, servers } of snippets) {
      const { command, args } = (mcpServers ?? servers ?? {})["portwright"] as Server;
      expect([command, ...args.slice(0, 3)]).toEqual(["npx", "-y", "portwright", "mcp"]);
      expect(Object.keys(bin)).toContain(args[1]);
    }
    expect(read("README.md")).toContain("claude mcp add --transport stdio portwright -- npx -y portwright mcp");
  });

  test("every configuration in them is valid", async () => {
    const folder = mkdtempSync(join(tmpdir(), "docs-"));
    const file = join(folder, "portwright.yaml");
    const examples = pages.flatMap((page) => blocks(page, "yaml").map((text) => ({ page, text })));
    expect(examples.length).toBeGreaterThan(1);
    try {
      for (const { page, text } of examples) {
        writeFileSync(file, text);
        const reading = await createConfigSource().read(file, () => "set");
        expect({ page, reading }).toMatchObject({ reading: { ok: true } });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("docs/configuration.md names every key of the format", () => {
    const keys = new Set<string>();
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key === "properties") for (const name of Object.keys(value as object)) keys.add(name);
        visit(value);
      }
    };
    visit(configurationJsonSchema());
    const page = read("docs/configuration.md");
    const missing = [...keys].filter((key) => !page.includes(`\`${key}\``));
    expect(missing).toEqual([]);
  });

  test("links within the project lead somewhere", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, target = ""]) => normalize(join(dirname(page), target)))
        .filter((target) => !existsSync(target))
        .map((target) => `${page}: ${target}`),
    );
    expect(broken).toEqual([]);
  });
});
