import { open } from "node:fs/promises";
import { join } from "node:path";
import type { ExampleVariable, Repository } from "#application/ports/repository.ts";

/** Where programs say which variables they want. A `.env` itself holds secrets, and is not read. */
const files = [".env.example", ".env.sample", ".env.template", ".env.dist", "env.example"];
const maxBytes = 64 * 1024;
const maxVariables = 200;
const line = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,99})\s*=\s*(.{0,500})$/;

/** Example files of a folder on the local disk. */
export const createRepository = (): Repository => ({
  async exampleVariables(folder) {
    const found: string[] = [];
    const variables: ExampleVariable[] = [];
    for (const file of files) {
      const text = await readStart(join(folder, file));
      if (text === undefined) continue;
      found.push(file);
      for (const [, name = "", value = ""] of text.split(/\r?\n/).flatMap((one) => [line.exec(one) ?? []])) {
        if (name !== "" && variables.length < maxVariables)
          variables.push({ name, value: unquoted(value.trim()), file });
      }
    }
    return { files: found, variables };
  },
});

async function readStart(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, "r");
    if (!(await file.stat()).isFile()) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    return buffer.subarray(0, bytesRead).toString("utf8");
  } catch {
    return undefined;
  }
}

const unquoted = (value: string): string =>
  /^(["']).*\1$/.test(value) ? value.slice(1, -1) : value.replace(/\s+#.*$/, "");
