import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { toolsPage } from "../../scripts/docs-tools-page.ts";

test("docs/tools.md is what the definitions say (npm run docs)", () => {
  expect(readFileSync(new URL("../../docs/tools.md", import.meta.url), "utf8")).toBe(toolsPage());
});
