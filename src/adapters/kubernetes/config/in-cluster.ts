import { readFile, stat } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Access } from "#application/ports/access.ts";
import type { Kubeconfig } from "./kubeconfig.ts";
import { kubeconfigSchema } from "./kubeconfig-schema.ts";

/** Where the kubelet mounts a pod's account. */
export const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
const name = "in-cluster";

/**
 * The account of the pod that this process runs in, as a kubeconfig with one context `in-cluster`; client-go's rules: both
 * variables of the API server and a token file must be there. Token and authority are files, read again when they are rotated.
 * @returns `undefined` outside of a cluster
 */
export async function inClusterKubeconfig(access: Access, folder: string): Promise<Kubeconfig | undefined> {
  const host = access.env("KUBERNETES_SERVICE_HOST") ?? "";
  const port = access.env("KUBERNETES_SERVICE_PORT") ?? "";
  const tokenFile = join(folder, "token");
  if (host === "" || port === "" || !(await isFile(tokenFile))) return undefined;
  const authority = join(folder, "ca.crt");
  const namespace = (await readFile(join(folder, "namespace"), "utf8").catch(() => "")).trim();
  const { clusters, users, contexts } = kubeconfigSchema.parse({
    clusters: [
      {
        name,
        cluster: {
          server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
          ...((await isFile(authority)) && { "certificate-authority": authority }),
        },
      },
    ],
    users: [{ name, user: { tokenFile } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
  });
  const located = <T>(entry: T | null | undefined): Map<string, { entry: T; folder: string }> =>
    new Map(entry === null || entry === undefined ? [] : [[name, { entry, folder }]]);
  return {
    paths: [tokenFile],
    currentContext: name,
    contexts: located(contexts[0]?.context),
    clusters: located(clusters[0]?.cluster),
    users: located(users[0]?.user),
  };
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
