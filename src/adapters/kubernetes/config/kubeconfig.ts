import { readFile, stat } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import {
  kubeconfigSchema,
  type ClusterEntry,
  type ContextEntry,
  type KubeconfigFile,
  type UserEntry,
} from "./kubeconfig-schema.ts";

/** An entry with the folder of the file that it comes from: its relative paths start there. */
interface Located<T> {
  readonly entry: T;
  readonly folder: string;
}

/** All kubeconfig files of one environment, merged. */
export interface Kubeconfig {
  readonly paths: readonly string[];
  readonly currentContext: string | undefined;
  readonly contexts: ReadonlyMap<string, Located<ContextEntry>>;
  readonly clusters: ReadonlyMap<string, Located<ClusterEntry>>;
  readonly users: ReadonlyMap<string, Located<UserEntry>>;
}

/** Real ones are below 1 MiB even with a thousand contexts. */
const maxBytes = 8 * 1024 * 1024;

/** The files that kubectl would read: those of `KUBECONFIG`, else `~/.kube/config`. */
export function kubeconfigPaths(access: Access): readonly string[] {
  const listed = (access.env("KUBECONFIG") ?? "").split(delimiter).filter((path) => path !== "");
  if (listed.length === 0) return [join(access.homeDir, ".kube", "config")];
  return listed.map((path) =>
    path.startsWith("~/") ? join(access.homeDir, path.slice(2)) : resolve(access.workspaceDir, path),
  );
}

/** Changes when one of the files may have changed, appeared or gone. */
export async function kubeconfigFingerprint(paths: readonly string[]): Promise<string> {
  const marks = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return found === undefined ? "-" : `${found.mtimeMs}:${found.size}:${found.ino}`;
    }),
  );
  return marks.join("|");
}

/**
 * Reads and merges the files by kubectl's rules: the first file that names a cluster, user or context wins, as does the
 * first current context; missing files are passed over.
 * @throws ConnectivityError `kubeconfig_missing` when none is there, `kubeconfig_invalid` when one cannot be read as a kubeconfig
 */
export async function loadKubeconfig(paths: readonly string[]): Promise<Kubeconfig> {
  const contexts = new Map<string, Located<ContextEntry>>();
  const clusters = new Map<string, Located<ClusterEntry>>();
  const users = new Map<string, Located<UserEntry>>();
  let currentContext: string | undefined;
  let found = false;
  for (const path of paths) {
    const file = await readKubeconfig(path);
    if (file === undefined) continue;
    found = true;
    const folder = dirname(path);
    currentContext ??= file["current-context"];
    for (const { name, context } of file.contexts) keepFirst(contexts, name, context, folder);
    for (const { name, cluster } of file.clusters) keepFirst(clusters, name, cluster, folder);
    for (const { name, user } of file.users) keepFirst(users, name, user, folder);
  }
  if (!found) {
    throw new ConnectivityError(
      "kubeconfig_missing",
      `there is no kubeconfig at ${paths.join(" or ")}; set KUBECONFIG to one, or write one there`,
      {
        files: paths,
      },
    );
  }
  return { paths, currentContext, contexts, clusters, users };
}

function keepFirst<T>(map: Map<string, Located<T>>, name: string, entry: T | null | undefined, folder: string): void {
  if (entry !== null && entry !== undefined && !map.has(name)) map.set(name, { entry, folder });
}

async function readKubeconfig(path: string): Promise<KubeconfigFile | undefined> {
  const bytes = await readBounded(path);
  if (bytes === undefined) return undefined;
  if (bytes.includes(0)) throw invalid(path, "is a binary file; name a kubeconfig in KUBECONFIG");
  const lineCounter = new LineCounter();
  // Errors made pretty cost time with the square of their number.
  const options = { uniqueKeys: false, logLevel: "silent", prettyErrors: false, lineCounter } as const;
  const document = parseDocument(bytes.toString("utf8"), options);
  const error = document.errors[0];
  if (error !== undefined) {
    const { line } = lineCounter.linePos(error.pos[0]);
    throw invalid(path, `is not YAML (line ${line}); correct it`, { line }, error);
  }
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (error) {
    throw invalid(path, "holds aliases that expand without bound; write the values", {}, error);
  }
  const parsed = kubeconfigSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.map(String).join(".") ?? "";
  throw invalid(
    path,
    `has not the form of a kubeconfig${where === "" ? "" : ` (at ${where.slice(0, 80)})`}; correct it, or name another in KUBECONFIG`,
    where === "" ? {} : { where: where.slice(0, 200) },
    parsed.error,
  );
}

async function readBounded(path: string): Promise<Buffer | undefined> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw invalid(path, "is a folder; name the file in it in KUBECONFIG");
    if (!found.isFile()) throw invalid(path, "is not a regular file; name one in KUBECONFIG");
    if (found.size > maxBytes)
      throw invalid(path, `is larger than ${maxBytes / 2 ** 20} MiB; name a kubeconfig in KUBECONFIG`, {
        bytes: found.size,
      });
    return await readFile(path);
  } catch (error) {
    if (error instanceof ConnectivityError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw invalid(
      path,
      "cannot be read; check its permissions, or name another in KUBECONFIG",
      code === undefined ? {} : { reason: code },
      error,
    );
  }
}

const invalid = (
  path: string,
  why: string,
  facts: Record<string, string | number> = {},
  cause?: unknown,
): ConnectivityError =>
  new ConnectivityError("kubeconfig_invalid", `the kubeconfig ${path} ${why}`, { file: path, ...facts }, { cause });
