/** What a cluster is known by. */
export interface ClusterPin {
  /** Origin of the API server's URL. */
  readonly server: string;
  /** Digest of the authority that signs its certificate; `""`: the kubeconfig names none. */
  readonly authority: string;
  /** `metadata.uid` of the namespace `kube-system`: as old as the cluster. Absent: this account may not read it. */
  readonly uid?: string | undefined;
}

/** `same`: nothing to keep; `keep`: it is that cluster, to be kept as it is seen now; `changed`: another one, told by this. */
export type PinVerdict =
  | { readonly kind: "same" | "keep" }
  | { readonly kind: "changed"; readonly by: "uid" | "server" | "authority" };

/**
 * Whether a context still leads to the cluster that it led to. The uid decides where both are known: servers move and
 * authorities are renewed. Without it server and authority must be the same.
 */
export function judgePin(pinned: ClusterPin | undefined, seen: ClusterPin): PinVerdict {
  if (pinned === undefined) return { kind: "keep" };
  const sameServer = pinned.server === seen.server;
  const sameAuthority = pinned.authority === seen.authority;
  if (pinned.uid !== undefined && seen.uid !== undefined) {
    if (pinned.uid !== seen.uid) return { kind: "changed", by: "uid" };
    return { kind: sameServer && sameAuthority ? "same" : "keep" };
  }
  if (!sameServer) return { kind: "changed", by: "server" };
  if (!sameAuthority) return { kind: "changed", by: "authority" };
  return { kind: seen.uid === undefined ? "same" : "keep" };
}
