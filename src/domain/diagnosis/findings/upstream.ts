import { dataOf, plainWord, type Evidence, type Upstream } from "../fact.ts";
import { finding, type Finding, type Seen, type Witness } from "./finding.ts";
import { readyByCluster } from "./troubled-pod.ts";
import { podsFinding } from "./workload.ts";

/** A service of the cluster that the pods name and that does not serve: the deepest one of a chain. */
export function upstreamFinding(seen: Seen): Finding | undefined {
  const upstreams = dataOf(seen.facts, "upstreams")?.upstreams ?? [];
  // Found from near to far: what is behind is the cause of what is before it.
  for (const upstream of upstreams.toReversed()) {
    const found = brokenUpstream(upstream, seen);
    if (found) return found;
  }
  return undefined;
}

function brokenUpstream(upstream: Upstream, seen: Seen): Finding | undefined {
  const service = plainWord(upstream.service);
  const { namespace, named, exists, pods } = upstream;
  const evidence: Evidence[] = [{ fact: "is called", value: `service ${service}, named by ${named}`, source: "pod settings" }];
  const base = { upstream: service, namespace, named_by: named };
  const witnesses: Witness[] = ["named"];
  if (!exists) {
    const message = `the pods call service ${service}, which does not exist in namespace ${namespace}`;
    return finding({ code: "resource_missing", message, facts: base }, evidence, [...witnesses, "status"]);
  }
  if (pods.some(readyByCluster)) return undefined;
  if (pods.length === 0) {
    const message = `the pods call service ${service}, which has no pods`;
    return finding({ code: "no_matching_pods", message, facts: base }, evidence, [...witnesses, "status"]);
  }
  const facts = seen.facts.filter(({ kind }) => kind !== "revisions" && kind !== "log" && kind !== "references");
  const found = podsFinding({ ...seen, facts, symptom: { ...seen.symptom, code: "pod_not_ready" } }, pods);
  if (found === undefined) return undefined;
  return {
    ...found,
    failure: { ...found.failure, message: `service ${service}, which it calls, is down: ${found.failure.message}`, facts: { ...found.failure.facts, ...base } },
    evidence: [...evidence, ...found.evidence],
    witnesses: [...witnesses, "status"],
  };
}
