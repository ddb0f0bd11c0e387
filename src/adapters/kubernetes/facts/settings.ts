import { isAddressLike, variableWords, type SettingText } from "#domain/diagnosis/findings/named-services.ts";
import { plainWord } from "#domain/diagnosis/fact.ts";
import type { DetailedPod } from "#domain/kubernetes/detail.ts";
import type { ClusterReader } from "./cluster-reader.ts";

/** Pods use few config maps, and each costs a question. */
const mostMaps = 4;
const longestFile = 32_768;

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * The texts of the config maps that pods use, as variables and as files: services are named there as often as in the pods
 * themselves. Only names of services are looked for in them; secrets are not read. What may not be read is left out.
 */
export async function readSettings(
  reader: ClusterReader,
  namespace: string,
  pods: readonly DetailedPod[],
): Promise<readonly SettingText[]> {
  const variables = new Map<string, Map<string, string> | "all">();
  const files = new Set<string>();
  for (const { spec } of pods.slice(0, 3)) {
    for (const { env = [], envFrom = [] } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
      for (const { name, valueFrom } of env) {
        const { name: map, key } = valueFrom?.configMapKeyRef ?? {};
        if (map === undefined || key === undefined) continue;
        const known = variables.get(map) ?? new Map<string, string>();
        variables.set(map, known);
        if (known !== "all") known.set(key, name);
      }
      for (const { configMapRef } of envFrom) if (configMapRef?.name) variables.set(configMapRef.name, "all");
    }
    for (const { configMap, projected } of spec?.volumes ?? []) {
      const projections = projected?.sources?.map((source) => source.configMap?.name) ?? [];
      for (const name of [configMap?.name, ...projections]) if (name !== undefined) files.add(name);
    }
  }
  // Each namespace has one with the cluster's authority.
  files.delete("kube-root-ca.crt");
  const names = [...new Set([...variables.keys(), ...files])].slice(0, mostMaps);
  const read = await Promise.all(
    names.map(async (name): Promise<SettingText[]> => {
      const { data = {} } = await reader
        .get<ConfigMap>("/api/v1", "configmaps", namespace, name)
        .catch((): ConfigMap => ({}));
      const asked = variables.get(name);
      return Object.entries(data).flatMap(([key, value]) => [
        ...(asked === undefined ? [] : variable(value, asked === "all" ? key : asked.get(key))),
        ...(files.has(name)
          ? [{ value: value.slice(0, longestFile), named: `config map ${plainWord(name)}`, likely: false, prose: true }]
          : []),
      ]);
    }),
  );
  return read.flat();
}

const variable = (value: string, name: string | undefined): SettingText[] =>
  name === undefined || value.length > 2000 ? [] : [{ value, named: variableWords(name), likely: isAddressLike(name) }];
