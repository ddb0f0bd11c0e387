/** Writes `docs/tools.md` from the definitions of the tools, resources and prompts. `--check` only compares. */
import { readFile, writeFile } from "node:fs/promises";
import { toolsPage } from "./docs-tools-page.ts";

const file = new URL("../docs/tools.md", import.meta.url);
const page = toolsPage();
if (!process.argv.includes("--check")) await writeFile(file, page);
else if ((await readFile(file, "utf8").catch(() => "")) !== page) {
  console.error("docs/tools.md is not what the definitions say: run npm run docs");
  process.exitCode = 1;
}
