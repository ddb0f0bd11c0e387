import type { Failure } from "../../connectivity-error.ts";
import { dataOf, known, type Evidence, type Fact } from "../fact.ts";
import { finding, type Finding, type Seen, type Witness } from "./finding.ts";

const loopback = /^(?:localhost|127\.|\[?::1\]?$)/i;

/** Failures that say no more than that nothing came through. */
const vague: ReadonlySet<Failure["code"]> = new Set([
  "cluster_unreachable",
  "operation_timed_out",
  "connection_lost",
  "host_unreachable",
  "host_unresolved",
]);

/** Where the way to the first hop ends: name, network, TCP, TLS, login, told by what was asked beside the dial. */
export function networkFinding(seen: Seen): Finding | undefined {
  const { facts, symptom } = seen;
  if (!vague.has(symptom.code)) return undefined;
  const kubernetes = known(facts, "kubeconfig") !== undefined;
  const unreachable: Failure["code"] = kubernetes ? "cluster_unreachable" : "host_unreachable";
  const name = known(facts, "name");
  const tcp = known(facts, "tcp");
  const where = tcp ? `${tcp.data.host}:${tcp.data.port}` : (name?.data.host ?? "");
  const evidence = reachEvidence(facts);
  const make = (code: Failure["code"], message: string, more: Failure["facts"] = {}): Finding =>
    finding({ ...symptom, code, message, facts: { ...symptom.facts, ...more } }, evidence, witnessesOf(symptom, code));
  const noNetwork = known(facts, "interfaces")?.truth === "no";
  if (noNetwork && name !== undefined && !loopback.test(name.data.host) && tcp?.truth !== "yes")
    return make("offline", "this machine has no network: no interface has an address");
  if (name?.truth === "no") {
    const { host, errno } = name.data;
    const isProxy = dataOf(facts, "proxy") !== undefined;
    const what = kubernetes && !isProxy ? `the API server's name ${host}` : `the name ${host}`;
    const { nearest } = name.data;
    const meant = nearest === undefined ? "" : `; did you mean ${nearest}?`;
    return make(
      kubernetes ? "cluster_unreachable" : "host_unresolved",
      `${what} could not be resolved${meant}${proxyWords(facts)}`,
      {
        host,
        ...(errno !== undefined && { errno }),
        ...(nearest !== undefined && { nearest }),
      },
    );
  }
  if (tcp?.truth === "no") {
    const { errno = "" } = tcp.data;
    const what = kubernetes && dataOf(facts, "proxy") === undefined ? `the API server at ${where}` : where;
    return make(unreachable, `${what} cannot be reached: ${reason(errno)}${proxyWords(facts)}`, { errno });
  }
  const authentication = known(facts, "authentication");
  if (authentication?.data.hangs === true && symptom.code === "operation_timed_out") {
    const plugin = dataOf(facts, "kubeconfig")?.plugin;
    const tls = known(facts, "tls");
    if (plugin !== undefined && tls?.truth !== "no")
      return make(
        "credential_plugin_failed",
        `the credential plugin ${plugin} does not end, and nothing can be asked without it`,
        { command: plugin, hangs: true },
      );
    const silent = dataOf(facts, "proxy") === undefined ? `the API server at ${where}` : where;
    return make(unreachable, `${silent} takes connections but does not answer${proxyWords(facts)}`);
  }
  if (known(facts, "tls")?.truth === "no")
    return make(unreachable, `what listens at ${where} takes connections but does not speak TLS`, {
      reason: dataOf(facts, "tls")?.reason ?? "",
    });
  const said = known(facts, "identification");
  if (said !== undefined && said.data.said !== "ssh" && symptom.code !== "connection_lost") {
    return said.data.said === "nothing"
      ? make("host_unreachable", `${where} accepts connections but says nothing: no SSH server answers behind it`)
      : make("protocol_mismatch", `${where} does not speak SSH`, { layer: "ssh" });
  }
  if (symptom.code === "operation_timed_out" && tcp?.truth === "yes")
    return make(
      unreachable,
      `${kubernetes ? "the API server" : "the SSH server"} at ${where} takes connections but did not finish in time`,
    );
  return undefined;
}

const witnessesOf = (symptom: Failure, code: Failure["code"]): Witness[] =>
  symptom.code === code || symptom.code === "operation_timed_out" ? ["walk", "network"] : ["network"];

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ETIMEDOUT: "no answer",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no network to it",
  ECONNRESET: "it breaks connections off",
};
const reason = (errno: string): string => reasons[errno] ?? "the connection failed";

function proxyWords(facts: readonly Fact[]): string {
  const proxy = dataOf(facts, "proxy");
  return proxy === undefined ? "" : ` (it is the proxy that ${proxy.namedBy} names)`;
}

/** What the network said, step by step. */
export function reachEvidence(facts: readonly Fact[]): Evidence[] {
  const name = known(facts, "name");
  const tcp = known(facts, "tcp");
  const tls = known(facts, "tls");
  const proxy = dataOf(facts, "proxy");
  const said = known(facts, "identification");
  const beside = known(facts, "beside");
  return [
    ...(name
      ? [
          {
            fact: "name resolves",
            value: name.truth === "yes" ? "yes" : `no (${name.data.errno ?? "no address"})`,
            source: name.source,
          },
        ]
      : []),
    ...(tcp
      ? [
          {
            fact: "TCP connects",
            value: tcp.truth === "yes" ? "yes" : `no (${tcp.data.errno ?? ""})`,
            source: tcp.source,
          },
        ]
      : []),
    ...(tls
      ? [
          {
            fact: "TLS handshake",
            value: tls.truth === "yes" ? "yes" : `no (${tls.data.reason ?? ""})`,
            source: tls.source,
          },
        ]
      : []),
    ...(said ? [{ fact: "SSH server answers", value: said.truth, source: said.source }] : []),
    ...(beside
      ? [
          {
            fact: `${beside.data.target} ${beside.data.how}`,
            value: beside.truth === "yes" ? "connects" : "does not connect",
            source: beside.source,
          },
        ]
      : []),
    ...(proxy ? [{ fact: "proxy", value: `${proxy.host}:${proxy.port}`, source: proxy.namedBy }] : []),
  ];
}
