import type { Failure, Facts } from "../connectivity-error.ts";
import { errorCatalogue } from "../error-catalogue.ts";
import type { ServiceSpec } from "../spec/service.ts";

/** Where a service lies by its declaration: what a failure does not say of itself. */
export type Place = Facts;

/** A failure and where the service lies that has it. */
export interface Placed {
  readonly failure: Failure;
  readonly place?: Place | undefined;
}

/** Server and target of an SSH service; cluster, namespace and object of one of Kubernetes. */
export function placeOf({ technology, connection, remotePort }: ServiceSpec): Place {
  if (technology === "ssh") {
    const { host, port, user, remoteHost, remoteSocket } = connection;
    const target = remoteSocket ?? `${remoteHost}:${remotePort}`;
    return { ssh_server: `${host}:${port}`, reaches: target, ...(user !== undefined && { user }) };
  }
  const { context, namespace, resourceType, resourceName = connection.selector ?? "" } = connection;
  return { namespace, asked: `${resourceType}/${resourceName}`, ...(context !== undefined && { context }) };
}

/** Of this machine, or of the configuration, as a whole. */
const everywhere: ReadonlySet<Failure["code"]> = new Set([
  "offline",
  "too_many_open_files",
  "ssh_agent_unavailable",
  "workspace_untrusted",
]);

/** Answers of a target about itself, not about who asks or how. */
const ofTarget: ReadonlySet<Failure["code"]> = new Set([
  "target_unreachable",
  "application_unhealthy",
  "application_slow",
  "too_many_connections",
  "certificate_expired",
  "certificate_expiring",
  "certificate_untrusted",
]);

/** Names of facts by which two failures are about one thing: the first group that both have decides. */
function identities({ code }: Failure): readonly (readonly string[])[] {
  if (everywhere.has(code)) return [[]];
  switch (code) {
    case "namespace_missing":
      return [["context", "namespace"], ["namespace"]];
    case "resource_missing":
    case "service_without_selector":
      return [
        ["namespace", "upstream"],
        ["namespace", "asked"],
      ];
    case "ssh_key_missing":
    case "ssh_key_unreadable":
    case "ssh_key_passphrase_required":
      return [["key_file"], ["ssh_server"]];
    case "ssh_authentication_failed":
      return [["ssh_server", "user"], ["ssh_server"]];
    default:
  }
  const { rung } = errorCatalogue[code];
  // What lies with one workload is not shared for being in one cluster.
  if (rung === "workload" || rung === "target" || rung === "application")
    return [
      ...["quota", "workload", "upstream", "pod"].map((name) => ["namespace", name]),
      ...(ofTarget.has(code) ? [["ssh_server", "reaches"]] : []),
    ];
  // What stands in the file about one service is its own; a variable may be missing for many.
  if (rung === "configuration") return [["variables"], ["variable"]];
  if (rung === "local_port" || rung === "relation" || (rung === "tool" && code !== "operation_timed_out")) return [];
  return [["command"], ["context"], ["ssh_server"], ["server"], ["files"]];
}

/** A hop that cannot be used fails for what its own server fails for. */
const plain = ({ code, facts }: Failure): unknown => (code === "ssh_jump_failed" ? (facts?.["because"] ?? code) : code);

/** Whether two causes are one: the same code about the same thing (a context, a server, a namespace, a workload). */
export function sameCause(left: Placed, right: Placed): boolean {
  if (plain(left.failure) !== plain(right.failure)) return false;
  const [known, other] = [factsOf(left), factsOf(right)];
  const names = identities(left.failure).find((group) =>
    group.every((name) => known[name] !== undefined && other[name] !== undefined),
  );
  return names?.every((name) => String(known[name]) === String(other[name])) ?? false;
}

function factsOf({ failure, place = {} }: Placed): Facts {
  const { facts = {}, code } = failure;
  const { host, port } = facts;
  // A failure names the server where it lies, which may be a hop on the way.
  const isServer = host !== undefined && errorCatalogue[code].rung !== "target";
  return { ...place, ...facts, ...(isServer && { ssh_server: `${String(host)}:${String(port ?? "")}` }) };
}
