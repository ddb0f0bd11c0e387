import { matchesLabels, requirementsOf, selectorText, type LabelSelector } from "#domain/kubernetes/label-selector.ts";
import type { TargetObject } from "../target/target-kinds.ts";

/** The selector of an object: as the API's parameter, and its plain labels. */
export interface ObjectSelector {
  readonly text: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** `undefined` when the object selects nothing by itself. */
export function selectorOf(kind: string, object: TargetObject): ObjectSelector | undefined {
  const selector = object.spec?.selector;
  if (selector === undefined) return undefined;
  const labels: LabelSelector =
    kind === "service" ? { matchLabels: selector as Readonly<Record<string, string>> } : selector;
  const text = selectorText(requirementsOf(labels));
  return text === "" ? undefined : { text, labels: labels.matchLabels ?? {} };
}

/** Whether plain labels are all there. */
export const hasLabels = (
  wanted: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> | undefined,
): boolean => matchesLabels(requirementsOf({ matchLabels: wanted }), labels);
