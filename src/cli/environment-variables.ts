import { dirname } from "node:path";
import { createAccess } from "#adapters/system/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { RenderedVariable } from "#domain/exports-rendering.ts";
import { fields, list, text, type Fields } from "./answer-fields.ts";
import type { Invocation } from "./command.ts";

/**
 * The variables of an answer with their secrets. Only here, in the process of the person that asked, are they resolved:
 * the daemon tells where a value comes from and never the value.
 * @throws ConnectivityError `variable_missing`, `workspace_untrusted`
 */
export async function resolvedVariables(
  { env, homeDir, cwd }: Invocation,
  answer: Fields,
): Promise<RenderedVariable[]> {
  const workspace = text(answer["workspace"]).replace(/^~(?=\/)/, homeDir);
  const access = createAccess({
    envLayers: [() => env],
    homeDir,
    workspaceDir: workspace === "" ? cwd : dirname(workspace),
    trusted: false,
  });
  const variables: RenderedVariable[] = [];
  for (const variable of list(answer["env"])) {
    const name = text(variable["name"]);
    const from = text(fields(variable["secret"])["from"]);
    variables.push({ name, value: from === "" ? text(variable["value"]) : await access.resolve(from) });
  }
  return variables;
}

/** An environment without any variable is a mistake of whoever asks for them. */
export function requireVariables(variables: readonly RenderedVariable[]): void {
  if (variables.length > 0) return;
  throw new ConnectivityError(
    "config_invalid",
    "none of these services has 'exports': declare the variables that programs need, such as exports: {REDIS_URL: \"redis://${host}:${port}\"}",
  );
}
