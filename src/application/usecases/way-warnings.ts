import { cleanName } from "../surface/untrusted.ts";
import type { Workspace } from "../engine/workspace.ts";

/** What about the ways that are open deserves attention although they work, each once. */
export function wayWarnings(workspace: Workspace, services: readonly string[]): { readonly warnings?: string[] } {
  const warnings = new Set<string>();
  for (const service of services) {
    const facts = workspace.runtime(service)?.transport?.facts();
    if (facts?.["tls_verified"] !== false) continue;
    const context = cleanName(String(facts["context"] ?? ""), 200);
    warnings.add(
      `context ${context}: the certificate of its API server is not checked (insecure-skip-tls-verify): somebody in between could read and change everything`,
    );
  }
  return warnings.size === 0 ? {} : { warnings: [...warnings] };
}
