import type { Failure } from "../../connectivity-error.ts";
import type { DetailedPod, Volume } from "../../kubernetes/detail.ts";
import { plainWord } from "../fact.ts";

/**
 * Which volume of a pod cannot be mounted, and what it is: the kubelet's words name one of the pod's volumes, the pod says
 * where it leads.
 */
export function explainVolume(
  { metadata, spec }: DetailedPod,
  said: string,
): Pick<Failure, "message"> & { readonly facts: NonNullable<Failure["facts"]> } {
  const pod = metadata.name;
  const volume = spec?.volumes?.find(({ name }) => said.includes(`"${name}"`));
  if (volume === undefined)
    return { message: `a volume of pod ${pod} cannot be mounted`, facts: { reason: "FailedMount" } };
  const name = plainWord(volume.name);
  const key = itemsOf(volume).find((item) => said.includes(`key: ${item.key}`));
  if (key !== undefined) {
    const from = `${key.kind} ${plainWord(key.name)}`;
    return {
      message: `the pod wants key ${plainWord(key.key)} of ${from}, which has no such key`,
      facts: { volume: name, missing: `${from.replace(" map", "map").replace(" ", "/")} key ${plainWord(key.key)}` },
    };
  }
  const source = sourceOf(volume);
  return {
    message: `volume ${name}${source === undefined ? "" : ` (${source})`} of pod ${pod} cannot be mounted`,
    facts: { reason: "FailedMount", volume: name, ...(source !== undefined && { volume_source: source }) },
  };
}

/** `host path /data`, `volume claim data`. */
function sourceOf({ hostPath, nfs, csi, persistentVolumeClaim, configMap, secret }: Volume): string | undefined {
  if (hostPath)
    return `host path ${plainWord(hostPath.path ?? "")}${hostPath.type ? `, which must be a ${plainWord(hostPath.type)}` : ""}`;
  if (nfs) return `NFS ${plainWord(`${nfs.server ?? ""}:${nfs.path ?? ""}`)}`;
  if (csi) return `driver ${plainWord(csi.driver ?? "")}`;
  if (persistentVolumeClaim) return `volume claim ${plainWord(persistentVolumeClaim.claimName)}`;
  if (configMap) return `config map ${plainWord(configMap.name ?? "")}`;
  return secret ? `secret ${plainWord(secret.secretName ?? "")}` : undefined;
}

function itemsOf({ configMap, secret, projected }: Volume): { kind: string; name: string; key: string }[] {
  const keys = (
    kind: string,
    name: string | undefined,
    items: readonly { readonly key?: string }[] = [],
  ): { kind: string; name: string; key: string }[] =>
    items.flatMap(({ key }) => (key === undefined || name === undefined ? [] : [{ kind, name, key }]));
  const sources = projected?.sources ?? [];
  return [
    ...keys("config map", configMap?.name, configMap?.items),
    ...keys("secret", secret?.secretName, secret?.items),
    ...sources.flatMap((source) => [
      ...keys("config map", source.configMap?.name, source.configMap?.items),
      ...keys("secret", source.secret?.name, source.secret?.items),
    ]),
  ];
}
