/** `metav1.LabelSelector`, and a Service's plain map of labels. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** A selector as the API's `labelSelector` parameter; `undefined` when it selects nothing in particular. */
export function selectorText(selector: LabelSelector | undefined): string | undefined {
  const parts = Object.entries(selector?.matchLabels ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values } of selector?.matchExpressions ?? []) {
    if (operator === "Exists") parts.push(key);
    else if (operator === "DoesNotExist") parts.push(`!${key}`);
    else parts.push(`${key} ${operator === "NotIn" ? "notin" : "in"} (${(values ?? []).join(",")})`);
  }
  return parts.length === 0 ? undefined : parts.join(",");
}

/** Whether labels satisfy a Service's plain selector. */
export const matchesLabels = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> | undefined,
): boolean => Object.entries(selector).every(([key, value]) => labels?.[key] === value);
