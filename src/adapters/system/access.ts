import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { parseTemplate, resolveEnvTemplate, type TemplatePart } from "#domain/references.ts";
import { readSecretFile } from "./secret-file.ts";
import { runSecretCommand } from "./secret-command.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface AccessOptions {
  /** Environments of the clients, newest first, asked each time. */
  readonly envLayers: readonly (() => Environment)[];
  readonly homeDir: string;
  readonly workspaceDir: string;
  /** Whether a person trusted the workspace: only then files are read and commands run. Asked each time, so it may be a getter. */
  readonly trusted: boolean;
}

/** What a dial may use of the person; nothing is kept between two questions. */
export function createAccess(options: AccessOptions): Access {
  const { envLayers, homeDir, workspaceDir } = options;
  const env = (name: string): string | undefined => {
    for (const layer of envLayers) {
      const found = layer()[name];
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const environment = (): Record<string, string> => {
    const merged: Record<string, string> = {};
    for (const layer of envLayers.toReversed()) {
      for (const [name, value] of Object.entries(layer())) if (value !== undefined) merged[name] = value;
    }
    return merged;
  };
  const secret = (part: TemplatePart, signal: AbortSignal | undefined): string | Promise<string> => {
    if (part.kind === "text") return part.text;
    if (part.kind === "env") return resolved(part.source, env);
    if (!options.trusted) throw untrusted(part.kind);
    return part.kind === "file"
      ? readSecretFile(part.path, { homeDir, workspaceDir })
      : runSecretCommand(part.command, { env: environment(), cwd: workspaceDir, signal });
  };
  return {
    env,
    environment,
    homeDir,
    workspaceDir,
    get trusted() {
      return options.trusted;
    },
    async resolve(template, signal) {
      signal?.throwIfAborted();
      // All missing variables at once, and before anything is read or run.
      resolved(template, env);
      const values: string[] = [];
      for (const part of parseTemplate(template)) values.push(await secret(part, signal));
      return values.join("");
    },
  };
}

function resolved(template: string, env: Access["env"]): string {
  const resolution = resolveEnvTemplate(template, env);
  if (resolution.ok) return resolution.value;
  const names = resolution.missing;
  throw new ConnectivityError(
    "variable_missing",
    `${names.length === 1 ? "the variable" : "the variables"} ${names.join(", ")} ${names.length === 1 ? "is" : "are"} not set in the environment of any connected client`,
    { variable: names[0] ?? "", ...(names.length > 1 && { variables: names }) },
  );
}

const untrusted = (kind: "file" | "command"): ConnectivityError =>
  new ConnectivityError(
    "workspace_untrusted",
    `a \${${kind}:…} reference works only in a workspace that a person trusts: run portwright trust`,
    { reference: kind },
  );
