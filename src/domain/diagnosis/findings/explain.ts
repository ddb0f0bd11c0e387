import type { Failure } from "../../connectivity-error.ts";
import type { Rung } from "../../error-catalogue.ts";
import { factsEvidence, type Fact } from "../fact.ts";
import { finding, type Finding, type Seen, rungOf } from "./finding.ts";
import { networkFinding, reachEvidence } from "./network.ts";
import { targetFinding } from "./target.ts";
import { upstreamFinding } from "./upstream.ts";
import { clusterView, workloadFinding } from "./workload.ts";

/** One service's own way, explained: its cause, what the cause explains, and what is wrong besides. */
export interface Explanation {
  readonly root: Finding;
  /** What the walk ran into, when the root is behind it. */
  readonly symptom?: Failure;
  /** Further causes on the same way that would show once the root is mended. */
  readonly others: readonly Finding[];
}

/** From the file to the application: what is broken lower makes everything above it fail. */
const depth: Readonly<Record<Rung, number>> = {
  configuration: 0,
  local_port: 1,
  network: 2,
  tool: 3,
  ssh: 3,
  cluster: 3,
  credentials: 4,
  workload: 5,
  proxy: 6,
  target: 6,
  application: 7,
  relation: 8,
};

/** Codes that are what they are, whatever the pods do: the target did answer, and said so. */
const firstHand: ReadonlySet<Failure["code"]> = new Set([
  "database_missing",
  "application_auth_failed",
  "check_path_missing",
  "certificate_expired",
  "certificate_name_mismatch",
  "certificate_untrusted",
  "too_many_connections",
  "target_port_missing",
  "service_without_selector",
  "dependency_failed",
]);

/** An application that answers may do so badly because of one that it calls. */
const mayBlameUpstream =
  /^(?:application_(?:unhealthy|slow)|upstream_|no_healthy|container_crashing|pod_not_ready|init_container)/;

/**
 * The cause of a symptom by the facts: a finding lower on the ladder explains the symptom, one above it is a further
 * cause of its own. Without any the symptom itself is the cause.
 */
export function explain(seen: Seen): Explanation {
  const { symptom, facts } = seen;
  if (firstHand.has(symptom.code)) return { root: alone(symptom, facts), others: [] };
  const own = targetFinding(seen) ?? networkFinding(seen);
  const workload = workloadFinding(seen);
  const nearest = closest(symptom, own, workload);
  const upstream = mayBlameUpstream.test((nearest ?? symptom).code) ? upstreamFinding(seen) : undefined;
  if (upstream) return { root: upstream, symptom: nearest ?? symptom, others: [] };
  const root = own ?? alone(symptom, facts);
  if (workload === undefined) return { root, ...changed(symptom, root), others: [] };
  if (depth[workload.rung] <= depth[root.rung]) return { root: workload, ...changed(symptom, workload), others: [] };
  return { root, ...changed(symptom, root), others: [workload] };
}

/** What the way itself says is wrong, before a service behind it is blamed. */
function closest(symptom: Failure, own: Finding | undefined, workload: Finding | undefined): Failure | undefined {
  if (workload && depth[workload.rung] <= depth[rungOf(symptom)]) return workload.failure;
  return own?.failure;
}

const changed = (symptom: Failure, root: Finding): { symptom?: Failure } =>
  root.failure.code === symptom.code ? {} : { symptom };

/** The symptom by itself: nothing lower was found. */
const alone = (symptom: Failure, facts: readonly Fact[]): Finding =>
  finding(
    symptom,
    [
      ...factsEvidence(
        symptom.facts,
        depth[rungOf(symptom)] >= depth.application ? "check through the path" : "fresh dial",
      ),
      ...(depth[rungOf(symptom)] >= depth.target ? clusterView(facts) : []),
      ...(symptom.code === "target_unreachable" || symptom.code.startsWith("ssh_") ? reachEvidence(facts) : []),
    ],
    ["walk"],
  );
