import type { WatchedObject } from "../watch/watched-object.ts";

/** `discovery.k8s.io/v1`: where a Service's traffic goes now. The controller keeps them for the Services that have a selector. */
export interface EndpointSlice extends WatchedObject {
  readonly addressType?: string;
  readonly endpoints?: readonly Endpoint[] | null;
  readonly ports?: readonly SlicePort[] | null;
}

export interface Endpoint {
  readonly addresses?: readonly string[];
  readonly conditions?: { readonly ready?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
}

interface SlicePort {
  readonly name?: string;
  readonly port?: number;
  readonly protocol?: string;
}

export const slicesOf = { group: "/apis/discovery.k8s.io/v1", resource: "endpointslices" } as const;
export const serviceNameLabel = "kubernetes.io/service-name";

/** A pod that a slice names, and the port of it for one port of the Service. */
export interface SlicedPod {
  readonly name: string;
  readonly uid: string | undefined;
  readonly ready: boolean;
  readonly port: number | undefined;
}

/** Keeps what is looked at: of each endpoint one address, its readiness and its pod. */
export const pruneSlice = (slice: EndpointSlice): EndpointSlice => ({
  metadata: {
    name: slice.metadata.name,
    ...(slice.metadata.labels !== undefined && {
      labels: { [serviceNameLabel]: slice.metadata.labels[serviceNameLabel] ?? "" },
    }),
  },
  endpoints: (slice.endpoints ?? []).map(({ addresses, conditions, targetRef }) => ({
    addresses: (addresses ?? []).slice(0, 1),
    ...(conditions?.ready !== undefined && { conditions: { ready: conditions.ready } }),
    ...(targetRef !== undefined && {
      targetRef: { kind: targetRef.kind ?? "", name: targetRef.name ?? "", uid: targetRef.uid ?? "" },
    }),
  })),
  ports: (slice.ports ?? []).map(({ name, port, protocol }) => ({
    name: name ?? "",
    ...(port !== undefined && { port }),
    ...(protocol !== undefined && { protocol }),
  })),
});

/** The pods behind a Service, each once: ready when any of its slices says so (unknown counts as ready, as the API defines it). */
export function podsInSlices(slices: readonly EndpointSlice[], portName: string): readonly SlicedPod[] {
  const pods = new Map<string, SlicedPod>();
  for (const { endpoints, ports } of slices) {
    const port = ports?.find(({ name, protocol }) => (name ?? "") === portName && (protocol ?? "TCP") === "TCP")?.port;
    for (const { conditions, targetRef } of endpoints ?? []) {
      if (targetRef?.kind !== "Pod" || targetRef.name === undefined) continue;
      const known = pods.get(targetRef.name);
      const ready = conditions?.ready !== false;
      if (known === undefined || (ready && !known.ready))
        pods.set(targetRef.name, { name: targetRef.name, uid: targetRef.uid || undefined, ready, port });
    }
  }
  return [...pods.values()];
}

/** Addresses that are no pods: a port-forward does not reach them. */
export const outsideAddresses = (slices: readonly EndpointSlice[]): readonly string[] =>
  slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).filter(({ targetRef }) => targetRef?.kind !== "Pod").flatMap(({ addresses }) => addresses ?? []),
  );
