import type { Failure } from "../connectivity-error.ts";
import { applicationRemedies } from "./remedies/application.ts";
import { clusterRemedies } from "./remedies/cluster.ts";
import { localRemedies } from "./remedies/local.ts";
import { sshRemedies } from "./remedies/ssh.ts";
import { comesBack, kubectl, shellWord, type FactText, type Remedies, type Remedy } from "./remedies/words.ts";
import { workloadRemedies } from "./remedies/workload.ts";

export type { Remedy } from "./remedies/words.ts";

const byCode: Remedies = {
  ...localRemedies,
  ...clusterRemedies,
  ...workloadRemedies,
  ...sshRemedies,
  ...applicationRemedies,
};

/** Back to the version before, where the trouble came with a rollout. */
const undo = (fact: FactText): Remedy[] => {
  const workload = fact("workload");
  if (fact("rolled_out") === undefined || workload?.startsWith("deployment/") !== true) return [];
  return [
    {
      do: "run",
      command: kubectl(fact, `rollout undo ${shellWord(workload)}`),
      why: "back to the version before the last rollout",
      changes: "the shared cluster",
      then: comesBack,
    },
  ];
};

/**
 * What a person can do about a failure, safest first; empty when there is nothing but waiting or asking `diagnose`.
 * @param around what is known of the service besides (its host, context, namespace), where the failure does not say it
 */
export function remediesFor(failure: Failure, around: Failure["facts"] = {}): Remedy[] {
  const facts = { ...around, ...failure.facts };
  const fact: FactText = (name) => {
    const value = facts[name];
    return value === undefined ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
  };
  return [...undo(fact), ...(byCode[failure.code]?.(fact) ?? [])];
}
