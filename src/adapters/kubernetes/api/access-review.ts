import type { Access } from "#application/ports/access.ts";
import type { ClusterApi } from "./cluster-api.ts";

export interface ReviewedAction {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly group?: string;
  readonly namespace: string;
  readonly name?: string;
}

interface ReviewAnswer {
  readonly status?: { readonly allowed?: boolean };
}

/**
 * Whether the context's user may do something (`SelfSubjectAccessReview`, authorization.k8s.io/v1).
 * @throws ConnectivityError as `ClusterApi.json`
 */
export async function isAllowed(
  api: ClusterApi,
  action: ReviewedAction,
  access: Access,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await api.json<ReviewAnswer>({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: action },
    },
    subject: { verb: "create", resource: "selfsubjectaccessreviews" },
    access,
    signal,
  });
  return answer.status?.allowed === true;
}
