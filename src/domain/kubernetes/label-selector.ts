/** `metav1.LabelSelector`, as workloads carry it. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

type Labels = Readonly<Record<string, string>>;

/** One condition on labels (Kubernetes documentation, "Labels and selectors"). */
export type Requirement =
  | { readonly key: string; readonly operator: "in" | "notin"; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: "exists" | "absent" };

const key = String.raw`(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?`;
const value = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?`;
const exists = new RegExp(`^(!?)\\s*(${key})$`);
const equals = new RegExp(`^(${key})\\s*(==|=|!=)\\s*(${value})$`);
const oneOf = new RegExp(`^(${key})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const plainValue = new RegExp(`^${value}$`);

/**
 * Reads a selector as `kubectl -l` takes it: `app=web,tier in (a, b),env != prod,!canary`.
 * @returns its requirements, all of which must hold; `undefined` when it is none
 */
export function parseSelector(text: string): readonly Requirement[] | undefined {
  if (text.length > 4096) return undefined;
  // A comma between parentheses separates values.
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const requirements = parts.map(parseRequirement);
  return requirements.every((requirement) => requirement !== undefined) ? requirements : undefined;
}

function parseRequirement(part: string): Requirement | undefined {
  const present = exists.exec(part);
  if (present) return { key: present[2] ?? "", operator: present[1] === "!" ? "absent" : "exists" };
  const equal = equals.exec(part);
  if (equal) return { key: equal[1] ?? "", operator: equal[2] === "!=" ? "notin" : "in", values: [equal[3] ?? ""] };
  const set = oneOf.exec(part);
  if (!set) return undefined;
  const values = (set[3] ?? "").split(",").map((one) => one.trim());
  if (!values.every((one) => plainValue.test(one))) return undefined;
  return { key: set[1] ?? "", operator: set[2] === "in" ? "in" : "notin", values };
}

/** The requirements of an object's own selector: a workload's, or a Service's plain map as `{matchLabels}`. */
export function requirementsOf(selector: LabelSelector): readonly Requirement[] {
  const labels = Object.entries(selector.matchLabels ?? {}).map(([name, wanted]): Requirement => ({
    key: name,
    operator: "in",
    values: [wanted],
  }));
  const expressions = (selector.matchExpressions ?? []).map(({ key: name, operator, values = [] }): Requirement => {
    if (operator === "Exists" || operator === "DoesNotExist")
      return { key: name, operator: operator === "Exists" ? "exists" : "absent" };
    return { key: name, operator: operator === "NotIn" ? "notin" : "in", values };
  });
  return [...labels, ...expressions];
}

/** Whether labels satisfy all requirements. One that is absent satisfies `notin`, as in Kubernetes. */
export function matchesLabels(requirements: readonly Requirement[], labels: Labels = {}): boolean {
  return requirements.every((requirement) => {
    const present = Object.hasOwn(labels, requirement.key);
    switch (requirement.operator) {
      case "exists":
        return present;
      case "absent":
        return !present;
      case "in":
        return present && requirement.values.includes(labels[requirement.key] ?? "");
      case "notin":
        return !present || !requirement.values.includes(labels[requirement.key] ?? "");
    }
  });
}

/** Requirements as the API's `labelSelector` parameter. */
export const selectorText = (requirements: readonly Requirement[]): string =>
  requirements
    .map((requirement) => {
      const { key: name } = requirement;
      if (!("values" in requirement)) return requirement.operator === "exists" ? name : `!${name}`;
      const { operator, values } = requirement;
      if (operator === "in" && values.length === 1) return `${name}=${values[0]}`;
      return `${name} ${operator} (${values.join(",")})`;
    })
    .toSorted()
    .join(",");
