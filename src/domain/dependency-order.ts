type DependsOn = (name: string) => readonly string[];

/**
 * Start order in layers: each layer depends only on earlier ones, so that all of a layer may start at once. Takes in
 * what the names depend on. Names on a cycle, and what depends on them, come last, in one layer; no cycle gets here
 * from a configuration that was read.
 */
export function dependencyLayers(names: readonly string[], dependsOn: DependsOn): string[][] {
  const waiting = new Map<string, readonly string[]>();
  const queue = [...names];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (waiting.has(name)) continue;
    waiting.set(name, dependsOn(name));
    queue.push(...dependsOn(name));
  }
  const layers: string[][] = [];
  while (waiting.size > 0) {
    const free = [...waiting].filter(([, needs]) => !needs.some((need) => waiting.has(need))).map(([name]) => name);
    const layer = free.length > 0 ? free : [...waiting.keys()];
    for (const name of layer) waiting.delete(name);
    layers.push(layer);
  }
  return layers;
}

/** The same as one list: the names with everything that they depend on, dependencies before dependents. */
export const startOrder = (names: readonly string[], dependsOn: DependsOn): string[] =>
  dependencyLayers(names, dependsOn).flat();

/** Stop order in layers: dependents first, so that none sees what it needs go away before itself. Only the given names. */
export const stopLayers = (names: readonly string[], dependsOn: DependsOn): string[][] =>
  dependencyLayers(names, dependsOn)
    .map((layer) => layer.filter((name) => names.includes(name)))
    .filter((layer) => layer.length > 0)
    .toReversed();

/**
 * All cycles that a walk in the given order meets, each once, as a path that ends where it began: `["a", "b", "a"]`.
 * Linear in names and edges; each edge that closes a cycle gives one path.
 */
export function findCycles(names: readonly string[], dependsOn: DependsOn): string[][] {
  const done = new Set<string>();
  const path: string[] = [];
  const onPath = new Set<string>();
  const cycles: string[][] = [];
  // A stack of our own: a chain of thousands of services must not end in a stack overflow.
  const frames: { readonly name: string; readonly needs: readonly string[]; next: number }[] = [];
  const enter = (name: string): void => {
    frames.push({ name, needs: [...new Set(dependsOn(name))], next: 0 });
    path.push(name);
    onPath.add(name);
  };
  for (const start of names) {
    if (!done.has(start)) enter(start);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const need = frame.needs[frame.next++];
      if (need === undefined) {
        frames.pop();
        path.pop();
        onPath.delete(frame.name);
        done.add(frame.name);
      } else if (onPath.has(need)) cycles.push([...path.slice(path.indexOf(need)), need]);
      else if (!done.has(need)) enter(need);
    }
  }
  return cycles;
}
