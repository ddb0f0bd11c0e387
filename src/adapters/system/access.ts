import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { parseTemplate, type TemplatePart } from "#domain/references.ts";

type Environment = Readonly<Record<string, string>>;

export interface AccessOptions {
  /** Environments, the first that has a variable gives it; asked anew each time, because clients come and go. */
  readonly layers: () => readonly Environment[];
  /** Where `~` is when no environment has `HOME`. */
  readonly homeDir: string;
  /** Absolute; relative paths of references start here. */
  readonly workspaceDir: string;
  /** Whether a person trusted this workspace: only then files are read and commands run for it. */
  readonly trusted: boolean;
}

/** A credential is a line, not a document. */
const largestSecretBytes = 64 * 1024;
const commandTimeoutMs = 10_000;

/** What a dial may use of the person; values are looked up when they are asked for, never kept. */
export function createAccess({ layers, homeDir, workspaceDir, trusted }: AccessOptions): Access {
  const env = (name: string): string | undefined => layers().find((layer) => Object.hasOwn(layer, name))?.[name];
  const home = (): string => env("HOME") ?? homeDir;
  const environment = (): Environment => Object.assign({}, ...layers().toReversed()) as Environment;

  const resolvePart = async (part: TemplatePart, signal: AbortSignal | undefined): Promise<string> => {
    if (part.kind === "text") return part.text;
    if (part.kind === "env") return env(part.name) ?? part.fallback ?? missing(part.name);
    if (!trusted) throw untrusted(part.source);
    if (part.kind === "file") return readSecret(absolute(part.path));
    return runForSecret(part.command, { cwd: workspaceDir, env: environment(), signal });
  };
  const absolute = (path: string): string => {
    if (path.startsWith("~/")) return join(home(), path.slice(2));
    return isAbsolute(path) ? path : join(workspaceDir, path);
  };
  return {
    env,
    environment,
    get homeDir() {
      return home();
    },
    workspaceDir,
    resolve: async (template, signal) =>
      (await Promise.all(parseTemplate(template).map((part) => resolvePart(part, signal)))).join(""),
  };
}

function missing(variable: string): never {
  throw new ConnectivityError("variable_missing", `the variable ${variable} is not set for any client`, { variable });
}

const untrusted = (reference: string): ConnectivityError =>
  new ConnectivityError(
    "workspace_untrusted",
    "files and commands are read for credentials only in a trusted workspace",
    {
      reference: reference.slice(0, 80),
    },
  );

async function readSecret(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > largestSecretBytes)
      throw new ConnectivityError("config_invalid", "a referenced file is too large for a credential", { file: path });
    return (await file.readFile("utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    if (cause instanceof ConnectivityError) throw cause;
    throw new ConnectivityError(
      "config_invalid",
      `the referenced file ${path} cannot be read`,
      { file: path },
      { cause },
    );
  }
}

/** A program and its arguments, split at white space; no shell sees them. */
function runForSecret(
  command: string,
  options: { cwd: string; env: Environment; signal: AbortSignal | undefined },
): Promise<string> {
  const [program = "", ...args] = command.split(/\s+/).filter(Boolean);
  const limits = { timeout: commandTimeoutMs, maxBuffer: largestSecretBytes };
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { ...limits, cwd: options.cwd, env: { ...options.env }, ...(options.signal && { signal: options.signal }) },
      (cause, stdout, stderr) => {
        if (!cause) resolve(stdout.replace(/\r?\n$/, ""));
        else
          reject(
            new ConnectivityError(
              "credential_plugin_failed",
              `the command ${program} of a reference failed`,
              { command: program },
              { cause, untrusted: stderr.slice(0, 2048) },
            ),
          );
      },
    );
  });
}
