import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "../api/cluster-api.ts";
import type { WatchedObject } from "./watched-object.ts";
import type { WatchQuery } from "./watch-query.ts";

interface ListAnswer<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
}

const pageSize = "500";
/**
 * A whole namespace is followed as one up to this many objects of a kind (about 2 KiB each, once pruned): beyond it, and
 * beyond any reason for one selector, the answer is refused.
 */
const mostShared = 1000;
const mostSelected = 20_000;

/** Whether a query that was refused may succeed when it asks for less: too many objects, or a right to the named ones only. */
export const wantsLess = (error: ConnectivityError | undefined): boolean =>
  error?.code === "permission_denied" || error?.facts["too_many"] === true;

/**
 * All objects of a query, pruned page by page.
 * @throws ConnectivityError as `ClusterApi.json`; `not_supported` (`too_many`) when they are more than can be kept
 */
export async function listObjects<T extends WatchedObject>(
  api: ClusterApi,
  query: WatchQuery,
  prune: (object: T) => T,
  { access, signal }: { readonly access: Access; readonly signal: AbortSignal },
): Promise<{ readonly items: readonly T[]; readonly version: string }> {
  const { group, resource, namespace, labelSelector, fieldSelector } = query;
  const most = labelSelector === undefined && fieldSelector === undefined ? mostShared : mostSelected;
  const items: T[] = [];
  let next: string | undefined;
  for (;;) {
    const answer: ListAnswer<T> = await api.json<ListAnswer<T>>({
      path: `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`,
      subject: { verb: "list", resource, namespace },
      access,
      signal,
      query: { labelSelector, fieldSelector, limit: pageSize, continue: next },
    });
    for (const item of answer.items ?? []) items.push(prune(item));
    next = answer.metadata?.continue === "" ? undefined : answer.metadata?.continue;
    if (next === undefined) return { items, version: answer.metadata?.resourceVersion ?? "" };
    if (items.length >= most) {
      const facts = { resource, namespace, too_many: true };
      throw new ConnectivityError("not_supported", `namespace ${namespace} has more than ${most} ${resource}`, facts);
    }
  }
}
