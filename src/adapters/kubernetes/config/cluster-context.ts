import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { nearestName } from "#domain/names.ts";
import type { Kubeconfig } from "./kubeconfig.ts";
import type { ClusterEntry, UserEntry } from "./kubeconfig-schema.ts";

/** Bytes that stand in the kubeconfig itself, or the absolute path of a file. */
export type Material = { readonly inline: Buffer } | { readonly file: string };

/** A context with its cluster and its user, ready to connect. */
export interface ClusterContext {
  readonly name: string;
  readonly clusterName: string;
  readonly userName: string;
  /** The context's own namespace; services name theirs themselves. */
  readonly namespace: string | undefined;
  readonly server: URL;
  readonly tls: {
    readonly ca: Material | undefined;
    readonly serverName: string | undefined;
    readonly insecure: boolean;
  };
  readonly cluster: ClusterEntry;
  readonly user: UserEntry;
  /** Folder of the file that holds the user: relative paths of its files and its plugin start here. */
  readonly userFolder: string;
  /** Equal for equal settings: what may share connections and credentials. */
  readonly identity: string;
}

const namesShown = 20;

/**
 * Follows a context to its cluster and user.
 * @param name a context; default: the current one
 * @throws ConnectivityError `context_missing` (facts name the nearest), `kubeconfig_invalid`
 */
export function resolveContext(config: Kubeconfig, name?: string): ClusterContext {
  const wanted = name ?? config.currentContext;
  const context = wanted === undefined ? undefined : config.contexts.get(wanted);
  if (wanted === undefined || context === undefined) throw contextMissing(config, wanted);
  const { entry } = context;
  const cluster = config.clusters.get(entry.cluster);
  if (cluster === undefined) throw dangling(config, wanted, "cluster", entry.cluster);
  const user = config.users.get(entry.user);
  if (user === undefined && entry.user !== "") throw dangling(config, wanted, "user", entry.user);
  const userEntry = user?.entry ?? emptyUser;
  const userFolder = user?.folder ?? cluster.folder;
  return {
    name: wanted,
    clusterName: entry.cluster,
    userName: entry.user,
    namespace: entry.namespace,
    server: serverUrl(config, entry.cluster, cluster.entry.server),
    tls: {
      ca: material(cluster.entry["certificate-authority-data"], cluster.entry["certificate-authority"], cluster.folder),
      serverName: cluster.entry["tls-server-name"],
      insecure: cluster.entry["insecure-skip-tls-verify"],
    },
    cluster: cluster.entry,
    user: userEntry,
    userFolder,
    identity: createHash("sha256")
      .update(JSON.stringify([cluster.entry, cluster.folder, userEntry, userFolder]))
      .digest("hex"),
  };
}

const emptyUser: UserEntry = {
  "client-certificate": undefined,
  "client-certificate-data": undefined,
  "client-key": undefined,
  "client-key-data": undefined,
  token: undefined,
  tokenFile: undefined,
  username: undefined,
  password: undefined,
  as: undefined,
  "as-uid": undefined,
  "as-groups": [],
  "as-user-extra": {},
  exec: undefined,
  "auth-provider": undefined,
};

/** Data in the kubeconfig wins over a file beside it, as with kubectl. */
export function material(data: string | undefined, file: string | undefined, folder: string): Material | undefined {
  if (data !== undefined) return { inline: Buffer.from(data, "base64") };
  return file === undefined ? undefined : { file: resolve(folder, file) };
}

function contextMissing(config: Kubeconfig, wanted: string | undefined): ConnectivityError {
  const names = [...config.contexts.keys()];
  const nearest = wanted === undefined ? undefined : nearestName(wanted, names);
  return new ConnectivityError(
    "context_missing",
    wanted === undefined
      ? "the kubeconfig names no current context; name one in connection.context of the service"
      : `the kubeconfig has no context ${wanted}; ${instead(nearest, names)}`,
    {
      ...(wanted !== undefined && { context: wanted }),
      ...(nearest !== undefined && { nearest }),
      contexts: names.slice(0, namesShown),
      files: config.paths,
    },
  );
}

function instead(nearest: string | undefined, names: readonly string[]): string {
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  return names.length === 0
    ? "it has none: set KUBECONFIG to one that has"
    : "name one that it has in connection.context of the service";
}

const dangling = (config: Kubeconfig, context: string, what: "cluster" | "user", name: string): ConnectivityError =>
  new ConnectivityError("kubeconfig_invalid", `context ${context} names a ${what} that the kubeconfig does not have`, {
    context,
    [what]: name,
    files: config.paths,
  });

function serverUrl(config: Kubeconfig, cluster: string, server: string): URL {
  const url = URL.parse(server.includes("://") ? server : `https://${server}`);
  if (server !== "" && url !== null && (url.protocol === "https:" || url.protocol === "http:")) return url;
  throw new ConnectivityError("kubeconfig_invalid", `cluster ${cluster} has no usable server address`, {
    cluster,
    files: config.paths,
  });
}
