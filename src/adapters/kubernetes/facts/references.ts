import type { PodReference } from "#domain/diagnosis/fact.ts";
import { timeOf, type DetailedPod, type DetailedPodSpec } from "#domain/kubernetes/detail.ts";
import type { ObjectMeta } from "#domain/kubernetes/pod.ts";
import type { ClusterReader } from "./cluster-reader.ts";

type Kind = PodReference["kind"];
type Wanted = Map<string, { readonly kind: Kind; readonly name: string; readonly keys: Set<string> }>;

const resources: Readonly<Record<Kind, readonly [group: string, resource: string]>> = {
  configmap: ["/api/v1", "configmaps"],
  secret: ["/api/v1", "secrets"],
  persistentvolumeclaim: ["/api/v1", "persistentvolumeclaims"],
  serviceaccount: ["/api/v1", "serviceaccounts"],
  storageclass: ["/apis/storage.k8s.io/v1", "storageclasses"],
};

/** More than any pod of a developer refers to. */
const mostReferences = 20;

interface Claim {
  readonly spec?: { readonly storageClassName?: string };
  readonly status?: { readonly phase?: string };
}
interface Dated {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly { readonly time?: string }[] };
}

/** What pods refer to and cannot do without: whether each is there, and when it was changed last. No contents are read. */
export async function readReferences(
  reader: ClusterReader,
  namespace: string,
  pods: readonly DetailedPod[],
): Promise<readonly PodReference[]> {
  const wanted: Wanted = new Map();
  for (const { spec } of pods.slice(0, 5)) if (spec) collect(spec, wanted);
  const found = await Promise.all(
    [...wanted.values()].slice(0, mostReferences).map(async ({ kind, name, keys }): Promise<PodReference[]> => {
      try {
        const more = keys.size > 0 ? { keys: [...keys] } : {};
        return [
          {
            kind,
            name,
            ...more,
            ...(await (kind === "persistentvolumeclaim" ? claim : dated)(reader, namespace, kind, name)),
          },
        ];
      } catch {
        // Not ours to read: nothing is said about it.
        return [];
      }
    }),
  );
  return found.flat();
}

function collect(
  { containers = [], initContainers = [], volumes = [], ...spec }: DetailedPodSpec,
  wanted: Wanted,
): void {
  const want = (kind: Kind, name: string | undefined, optional?: boolean, key?: string): void => {
    if (name === undefined || optional === true) return;
    const known = wanted.get(`${kind}/${name}`) ?? { kind, name, keys: new Set<string>() };
    wanted.set(`${kind}/${name}`, known);
    if (key !== undefined) known.keys.add(key);
  };
  for (const { env = [], envFrom = [] } of [...initContainers, ...containers]) {
    for (const { valueFrom } of env) {
      const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
      want("configmap", configMapKeyRef?.name, configMapKeyRef?.optional, configMapKeyRef?.key);
      want("secret", secretKeyRef?.name, secretKeyRef?.optional, secretKeyRef?.key);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      want("configmap", configMapRef?.name, configMapRef?.optional);
      want("secret", secretRef?.name, secretRef?.optional);
    }
  }
  for (const { configMap, secret, persistentVolumeClaim, projected } of volumes) {
    for (const source of projected?.sources ?? []) {
      want("configmap", source.configMap?.name, source.configMap?.optional);
      want("secret", source.secret?.name, source.secret?.optional);
    }
    want("configmap", configMap?.name, configMap?.optional);
    want("secret", secret?.secretName, secret?.optional);
    want("persistentvolumeclaim", persistentVolumeClaim?.claimName);
  }
  for (const { name } of spec.imagePullSecrets ?? []) want("secret", name);
}

async function dated(
  reader: ClusterReader,
  namespace: string,
  kind: Kind,
  name: string,
): Promise<Pick<PodReference, "exists" | "changedMs">> {
  const [group, resource] = resources[kind];
  const object = await reader.metadata<Dated>(group, resource, namespace, name);
  if (object === undefined) return { exists: false };
  const { managedFields = [], creationTimestamp } = object.metadata;
  const changedMs = Math.max(timeOf(creationTimestamp), ...managedFields.map(({ time }) => timeOf(time)));
  return { exists: true, ...(changedMs > 0 && { changedMs }) };
}

async function claim(
  reader: ClusterReader,
  namespace: string,
  kind: Kind,
  name: string,
): Promise<Pick<PodReference, "exists" | "phase" | "storageClass">> {
  if (!(await dated(reader, namespace, kind, name)).exists) return { exists: false };
  const { spec, status } = await reader.get<Claim>("/api/v1", "persistentvolumeclaims", namespace, name);
  return {
    exists: true,
    ...(status?.phase !== undefined && { phase: status.phase }),
    ...(spec?.storageClassName !== undefined && { storageClass: spec.storageClassName }),
  };
}
