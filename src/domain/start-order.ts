/**
 * The names with everything that they depend on, dependencies before dependents, otherwise in the order given. Names on
 * a cycle (refused when a configuration is read) come once, in the order in which they are met.
 */
export function startOrder(names: readonly string[], dependsOn: (name: string) => readonly string[]): string[] {
  const order: string[] = [];
  const met = new Set<string>();
  const visit = (name: string): void => {
    if (met.has(name)) return;
    met.add(name);
    for (const dependency of dependsOn(name)) visit(dependency);
    order.push(name);
  };
  for (const name of names) visit(name);
  return order;
}
