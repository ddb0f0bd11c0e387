import type { ClusterPin } from "#domain/kubernetes/cluster-pin.ts";
import type { ClusterPins } from "#application/ports/cluster-pins.ts";

/** Pins of this process alone. */
export function createMemoryPins(): ClusterPins {
  const pins = new Map<string, ClusterPin>();
  const key = (folder: string, context: string): string => `${folder}\n${context}`;
  return {
    get: (folder, context) => pins.get(key(folder, context)),
    set: (folder, context, pin) => void pins.set(key(folder, context), pin),
    forget(context) {
      const found = [...pins.keys()].filter((name) => name.endsWith(`\n${context}`));
      for (const name of found) pins.delete(name);
      return found.length;
    },
  };
}
