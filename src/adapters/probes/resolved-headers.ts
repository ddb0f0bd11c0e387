import type { Access } from "#application/ports/access.ts";

/** Headers with their references resolved. @throws ConnectivityError `variable_missing`, `workspace_untrusted` */
export async function resolvedHeaders(
  templates: Readonly<Record<string, string>>,
  access: Access,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(templates)) headers[name] = await access.resolve(template, signal);
  return headers;
}
