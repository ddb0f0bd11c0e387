import { ConnectivityError } from "#domain/connectivity-error.ts";
import { foldName, nearestName } from "#domain/names.ts";
import type { PlannedChange, PlanOperation } from "#domain/plan/operation.ts";
import type { RawConfiguration, RawMap } from "#domain/plan/raw-configuration.ts";
import { targetKeys } from "#domain/plan/target.ts";
import { checkToolValues } from "#domain/plan/tool-policy.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { AskedChange } from "../surface/use-cases.ts";

/**
 * What a tool asks for as changes of the file. Names are taken exactly as they are declared: a changing tool never guesses.
 * @throws ConnectivityError `invalid_arguments`, `unknown_environment`, `refused_by_policy`
 */
export function changesOf(
  asked: readonly AskedChange[],
  raw: RawConfiguration,
  workspace: Workspace | undefined,
): PlannedChange[] {
  if (asked.length === 0) throw new ConnectivityError("invalid_arguments", "changes is empty: say what to change");
  const changes = new Map<string, PlanOperation[]>();
  const defined = new Set(asked.flatMap(({ environment }) => environment ?? []));
  for (const change of asked) {
    const { id, operations } = changeOf(change, raw, workspace, defined);
    changes.set(id, [...(changes.get(id) ?? []), ...operations]);
  }
  return [...changes].map(([id, operations]) => ({ id, operations }));
}

function changeOf(
  { service, environment, set, target, add_to: addTo }: AskedChange,
  raw: RawConfiguration,
  workspace: Workspace | undefined,
  defined: ReadonlySet<string>,
): PlannedChange {
  if ((service === undefined) === (environment === undefined)) {
    throw new ConnectivityError("invalid_arguments", "each change names one service or one environment");
  }
  const name = service ?? environment ?? "";
  const list = service === undefined ? ("environments" as const) : ("services" as const);
  const values: RawMap = { ...(target === undefined ? {} : targetKeys(target)), ...(set as RawMap | undefined) };
  if (set !== undefined && "name" in set && set["name"] !== name) {
    throw new ConnectivityError(
      "invalid_arguments",
      "a name is not changed: remove the service and add it under the new one",
    );
  }
  checkToolValues(name, values);
  const known = raw[list].has(name);
  if (!known) refuseNearMiss(name, raw[list].keys());
  const operations: PlanOperation[] = [];
  if (!known) operations.push({ kind: "add", list, name, value: withoutName(values) });
  else if (Object.keys(values).length > 0) operations.push({ kind: "patch", list, name, set: withoutName(values) });
  if (addTo !== undefined) operations.push(...membership(addTo, name, raw, workspace, defined));
  return { id: service ?? `env:${name}`, operations };
}

const withoutName = ({ name: _name, ...rest }: RawMap): RawMap => rest;

/** `payment_db` beside `payments-db` is a slip, not a new service. */
function refuseNearMiss(name: string, names: Iterable<string>): void {
  const same = [...names].find((known) => foldName(known) === foldName(name));
  if (same === undefined) return;
  throw new ConnectivityError("invalid_arguments", `there is ${same} already: name it exactly so to change it`, {
    nearest: same,
  });
}

function membership(
  environment: string,
  service: string,
  raw: RawConfiguration,
  workspace: Workspace | undefined,
  defined: ReadonlySet<string>,
): PlanOperation[] {
  const operation: PlanOperation = { kind: "add_member", environment, service };
  if (raw.environments.has(environment) || defined.has(environment)) return [operation];
  const declared = [...raw.environments.keys()];
  // Without environments there is one with all services in it.
  if (declared.length === 0) {
    if (["default", "dev", "development"].includes(foldName(environment))) return [];
    if (!workspace) return [];
  }
  const nearest = nearestName(environment, declared);
  throw new ConnectivityError(
    "unknown_environment",
    `there is no environment ${environment.slice(0, 80)}${nearest === undefined ? `; there are: ${declared.join(", ") || "none"}` : `; did you mean ${nearest}?`}`,
    { known: declared, ...(nearest !== undefined && { nearest }) },
  );
}
