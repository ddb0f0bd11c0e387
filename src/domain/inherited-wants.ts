import { startOrder } from "./dependency-order.ts";

type DependsOn = (name: string) => readonly string[];

export interface Inheritance {
  /** What is to be up, in start order. */
  readonly order: readonly string[];
  /** What came to be wanted with a dependent. */
  readonly inherited: readonly { readonly dependency: string; readonly dependent: string }[];
}

/**
 * After an edit: services that are to run, with what they came to depend on by it. What they depended on before and
 * nobody wants was stopped by a person, and stays so.
 */
export function inheritedWants(
  names: readonly string[],
  alreadyWanted: { has(name: string): boolean },
  dependsOn: DependsOn,
  dependedOn: DependsOn,
): Inheritance {
  const inherited = names.flatMap((dependent) => {
    const known = new Set(startOrder([dependent], dependedOn));
    const added = startOrder([dependent], dependsOn).filter((name) => !alreadyWanted.has(name) && !known.has(name));
    return added.map((dependency) => ({ dependency, dependent }));
  });
  const wanted = new Set([...names, ...inherited.map(({ dependency }) => dependency)]);
  const order = startOrder(names, dependsOn).filter((name) => wanted.has(name) || alreadyWanted.has(name));
  return { order, inherited };
}
