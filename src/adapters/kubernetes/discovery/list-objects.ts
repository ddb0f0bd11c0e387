import type { ObjectMeta } from "#domain/kubernetes/pod.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";

/** Asked for at once: an answer stays a few megabytes. */
const pageSize = "250";
/** More of one kind are not read: a name of a namespace narrows it. */
const maxObjects = 2000;

export interface ListedKind {
  /** `/api/v1`, `/apis/apps/v1`. */
  readonly group: string;
  readonly resource: string;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** There are more than were read. */
  readonly cut: boolean;
}

/**
 * Lists objects page by page, of one namespace or of all.
 * @param prune keeps what is looked at of each: the rest goes with its page
 * @throws ConnectivityError as `ClusterApi.json`
 */
export async function listObjects<T extends { readonly metadata: ObjectMeta }>(
  api: ClusterApi,
  { group, resource }: ListedKind,
  namespace: string | undefined,
  prune: (item: T) => T,
  context: { readonly access: Access; readonly signal: AbortSignal },
): Promise<Listed<T>> {
  const items: T[] = [];
  let next: string | undefined;
  do {
    const page: { items?: readonly T[]; metadata?: { continue?: string } } = await api.json({
      path: `${group}${namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`,
      query: { limit: pageSize, continue: next },
      subject: { verb: "list", resource, namespace },
      ...context,
    });
    items.push(...(page.items ?? []).map(prune));
    next = page.metadata?.continue === "" ? undefined : page.metadata?.continue;
  } while (next !== undefined && items.length < maxObjects);
  return { items, cut: next !== undefined };
}
