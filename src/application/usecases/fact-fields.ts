import { plainWord, type Fact } from "#domain/diagnosis/fact.ts";
import { isoInZone } from "#domain/time.ts";
import type { Examination } from "../diagnostics/examine.ts";

/** Questions as people would ask them. */
const questions: Readonly<Record<Fact["kind"], string>> = {
  local_port: "the local port is free",
  interfaces: "this machine has a network",
  name: "the name resolves",
  tcp: "a TCP connection comes about",
  tls: "a TLS handshake comes about",
  identification: "an SSH server answers",
  proxy: "the way leads through a proxy",
  kubeconfig: "the kubeconfig leads to a cluster",
  authentication: "the credentials are taken",
  permission: "the permission is there",
  namespace: "the namespace is there",
  object: "the object is there",
  pods: "pods are selected",
  labels: "the namespace has pods",
  workloads: "the namespace has workloads",
  revisions: "it was rolled out before",
  events: "there are warnings",
  references: "what the pods refer to is there",
  quotas: "quotas are set",
  nodes: "a node is ready",
  policies: "network policies select the pods",
  log: "the log says something",
  upstreams: "the services that the pods call have pods",
  beside: "the target answers on another way",
  neighbours: "others on the same way are ready",
  link: "the running link is ready",
  last_ready: "it was ready before",
  changes: "something changed",
};

const hidden: ReadonlySet<string> = new Set([
  "untrusted",
  "pods",
  "workloads",
  "owners",
  "revisions",
  "nodes",
  "events",
  "upstreams",
  "references",
]);

/** All facts, for `detail: full`: small values as they are, long lists by their number. */
export const allFacts = (facts: readonly Fact[], timeZone: string | undefined): object[] =>
  facts.map((fact) => ({
    fact: questions[fact.kind],
    truth: fact.truth,
    ...(fact.truth === "not_checked" ? { why: fact.why } : { value: shown(fact.data) }),
    source: fact.source,
    at: isoInZone(fact.atMs, timeZone),
    ...(fact.ms !== undefined && { ms: fact.ms }),
  }));

function shown(data: object): object {
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]: [string, unknown]) => {
      if (Array.isArray(value) && hidden.has(key)) return [[key, value.length]];
      return hidden.has(key) ? [] : [[key, plain(value)]];
    }),
  );
}

/** Names and numbers as they are; what could be a sentence from outside is not shown. */
function plain(value: unknown): unknown {
  if (typeof value === "string") return plainWord(value);
  if (Array.isArray(value)) return value.slice(0, shownItems).map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [plainWord(key), plain(one)]));
}
const shownItems = 10;

/** What holds, so that nobody has to look there. */
export function ruledOut({ facts, ladder }: Examination): string[] {
  const fine = facts
    .filter(({ truth, kind }) => truth === "yes" && worthSaying.has(kind))
    .map(({ kind }) => questions[kind]);
  const rungs = ladder.filter(({ status }) => status === "ok").map(({ rung }) => rung.replaceAll("_", " "));
  return [...new Set([...fine, ...rungs.map((rung) => `${rung}: ok`)])];
}

const worthSaying: ReadonlySet<Fact["kind"]> = new Set([
  "name",
  "tcp",
  "tls",
  "identification",
  "authentication",
  "namespace",
  "object",
  "pods",
  "references",
  "neighbours",
]);
