import type { Failure } from "../../connectivity-error.ts";
import { dataOf, plainWord, type Evidence, type Fact, type Upstream } from "../fact.ts";
import { finding, type Finding, type Seen, type Witness } from "./finding.ts";
import { explainNoPods } from "./no-pods.ts";
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

/** Facts about the upstream, taken from what was asked about it. */
const asked = { rung: "workload", truth: "yes", source: "API server", atMs: 0 } as const;

function brokenUpstream(upstream: Upstream, seen: Seen): Finding | undefined {
  const service = plainWord(upstream.service);
  const { namespace, named, exists, pods } = upstream;
  const evidence: Evidence[] = [
    { fact: "is called", value: `service ${service}, named by ${named}`, source: "pod settings" },
  ];
  const base = { upstream: service, namespace, named_by: named };
  const witnesses: Witness[] = [named === "its log" ? "log" : "named"];
  if (!exists) {
    const message = `the pods call service ${service}, which does not exist in namespace ${namespace}`;
    return finding({ code: "resource_missing", message, facts: base }, evidence, [...witnesses, "status"]);
  }
  if (pods.some(readyByCluster)) return undefined;
  // What was asked of the service's own namespace says nothing about another one.
  const isOwn = (dataOf(seen.facts, "namespace")?.namespace ?? namespace) === namespace;
  if (pods.length === 0) {
    const about: Fact[] = [
      ...seen.facts.filter(({ kind }) => isOwn && (kind === "quotas" || kind === "events")),
      {
        ...asked,
        kind: "object",
        data: { kind: "service", name: upstream.service, selector: upstream.selector ?? {} },
      },
      { ...asked, kind: "workloads", data: { workloads: upstream.workloads ?? [] } },
    ];
    const plain: Failure = { code: "no_matching_pods", message: `service ${service} has no pods`, facts: base };
    const { failure, evidence: more } = explainNoPods(plain, about);
    const where = isOwn ? "" : ` of namespace ${namespace}`;
    const message = `the pods call service ${service}${where}, which does not serve: ${failure.message}`;
    return finding({ ...failure, message }, [...evidence, ...more], [...witnesses, "status"]);
  }
  const facts = seen.facts.filter(
    ({ kind }) => kind !== "revisions" && kind !== "log" && kind !== "references" && (isOwn || kind !== "events"),
  );
  const found = podsFinding({ ...seen, facts, symptom: { ...seen.symptom, code: "pod_not_ready" } }, pods);
  if (found === undefined) return undefined;
  return {
    ...found,
    failure: {
      ...found.failure,
      message: `service ${service}${isOwn ? "" : ` of namespace ${namespace}`}, which it calls, is down: ${found.failure.message}`,
      facts: { ...found.failure.facts, ...base },
    },
    evidence: [...evidence, ...found.evidence],
    witnesses: [...witnesses, "status"],
  };
}
