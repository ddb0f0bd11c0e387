import type { Change, Evidence, PodReference } from "../fact.ts";
import { plainWord } from "../fact.ts";
import type { DetailedContainer, DetailedPodSpec, Revision } from "../../kubernetes/detail.ts";

/** What is different between the newest version of a workload and the one before, in words; values of variables are not told. */
export function rolloutChanges(revisions: readonly Revision[], owner: string): Change[] {
  const [newest, before] = revisions;
  if (newest === undefined || before === undefined) return [];
  return differences(before.spec, newest.spec).map((what) => ({
    atMs: newest.createdMs,
    what,
    source: plainWord(owner),
  }));
}

function differences(before: DetailedPodSpec, after: DetailedPodSpec): string[] {
  const changes: string[] = [];
  for (const container of after.containers ?? []) {
    const old = before.containers?.find(({ name }) => name === container.name);
    const name = plainWord(container.name);
    if (old === undefined) {
      changes.push(`container ${name} added`);
      continue;
    }
    if (old.image !== container.image)
      changes.push(`image changed: ${plainWord(old.image ?? "none")} → ${plainWord(container.image ?? "none")}`);
    for (const word of ["command", "args", "ports", "readinessProbe", "livenessProbe", "startupProbe"] as const)
      if (JSON.stringify(old[word]) !== JSON.stringify(container[word])) changes.push(`${word} of ${name} changed`);
    changes.push(...resourceChanges(old, container), ...environmentChanges(old, container));
  }
  for (const key of ["nodeSelector", "volumes", "serviceAccountName", "tolerations"] as const)
    if (JSON.stringify(before[key]) !== JSON.stringify(after[key])) changes.push(`${key} changed`);
  return changes.slice(0, 8);
}

function resourceChanges(old: DetailedContainer, now: DetailedContainer): string[] {
  const changes: string[] = [];
  for (const part of ["limits", "requests"] as const) {
    for (const resource of ["memory", "cpu"]) {
      const [from, to] = [old.resources?.[part]?.[resource], now.resources?.[part]?.[resource]];
      if (from !== to)
        changes.push(`${part}.${resource} changed: ${plainWord(from ?? "none")} → ${plainWord(to ?? "none")}`);
    }
  }
  return changes;
}

function environmentChanges(old: DetailedContainer, now: DetailedContainer): string[] {
  const text = (container: DetailedContainer): Map<string, string> =>
    new Map((container.env ?? []).map((variable) => [variable.name, JSON.stringify(variable)]));
  const [before, after] = [text(old), text(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  if (names.length === 0) return [];
  return [`variables changed: ${names.slice(0, 5).map(plainWord).join(", ")}`];
}

/** Config maps and secrets that were changed after `sinceMs`. */
export const referenceChanges = (references: readonly PodReference[], sinceMs: number): Change[] =>
  references
    .filter(({ kind, changedMs = 0 }) => (kind === "configmap" || kind === "secret") && changedMs > sinceMs)
    .map(({ kind, name, changedMs = 0 }) => ({
      atMs: changedMs,
      what: `${kind} ${plainWord(name)} changed`,
      source: "API server",
    }));

export const changeEvidence = (changes: readonly Change[]): Evidence[] =>
  changes.map(({ atMs, what, source }) => {
    const [fact = what, value] = what.split(/: (.*)/s);
    return { fact: value === undefined ? "changed" : fact, value: value ?? what, source, atMs };
  });
