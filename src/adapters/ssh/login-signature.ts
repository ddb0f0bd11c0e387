import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Access } from "#application/ports/access.ts";
import type { SshSettings } from "./settings.ts";
import { filesOf } from "./watch-files.ts";

/** Changes when a key, a known host, the agent's socket or a variable of a secret's reference does. Holds no secret. */
export async function loginSignature(settings: SshSettings, access: Access): Promise<string> {
  const files = await Promise.all(
    filesOf(settings).map(async (file) => {
      const found = await stat(file).catch(() => undefined);
      return found ? [file, found.mtimeMs, found.size, found.ino, found.mode] : [file];
    }),
  );
  const templates = [settings.password, settings.passphrase];
  const names = templates.flatMap((template) => [...(template ?? "").matchAll(/\$\{env:([^:}]+)/g)]);
  const values = names.map(([, name = ""]) => access.env(name) ?? null);
  return createHash("sha256")
    .update(JSON.stringify([files, templates, values]))
    .digest("base64");
}
