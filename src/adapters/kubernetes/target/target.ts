import type { Facts } from "#domain/connectivity-error.ts";
import { parseSelector, type Requirement } from "#domain/kubernetes/label-selector.ts";
import type { KubernetesService } from "#domain/spec/service.ts";

/** What a service's configuration says about where its connections go. */
export interface Target {
  readonly kind: KubernetesService["connection"]["resourceType"];
  /** Absent: pods by their labels alone. */
  readonly name?: string;
  readonly namespace: string;
  readonly remotePort: number | string;
  /** Only pods with these labels. */
  readonly selector?: { readonly text: string; readonly requirements: readonly Requirement[] };
  /** Of a StatefulSet only this pod. */
  readonly ordinal?: number;
}

export function targetOf({ connection, remotePort }: KubernetesService): Target {
  const { resourceType, resourceName, namespace, selector, ordinal } = connection;
  return {
    kind: resourceType,
    namespace,
    remotePort,
    ...(resourceName !== undefined && { name: resourceName }),
    ...(selector !== undefined && { selector: { text: selector, requirements: parseSelector(selector) ?? [] } }),
    ...(ordinal !== undefined && { ordinal }),
  };
}

/** The one pod that is meant, by its name; `undefined` when any of several may be. */
export function podNameOf({ kind, name, ordinal }: Target): string | undefined {
  if (kind === "pod") return name;
  return ordinal === undefined ? undefined : `${name}-${ordinal}`;
}

/** For sentences: `service web`, `pods with app=web`, `pod db-0 of statefulset db`. */
export function targetWords(target: Target): string {
  const { kind, name, selector, ordinal } = target;
  if (name === undefined) return `pods with ${selector?.text ?? "any labels"}`;
  const named = ordinal === undefined ? `${kind} ${name}` : `pod ${name}-${ordinal} of ${kind} ${name}`;
  return selector === undefined ? named : `${named} with ${selector.text}`;
}

/** Names for facts. */
export const targetFacts = ({ kind, name, namespace, selector, ordinal }: Target): Facts => ({
  namespace,
  ...(name !== undefined && { [kind]: name }),
  ...(selector !== undefined && { selector: selector.text }),
  ...(ordinal !== undefined && { ordinal }),
});
