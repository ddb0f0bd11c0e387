import type { Failure } from "../connectivity-error.ts";
import { errorCatalogue } from "../error-catalogue.ts";

/** A complete call of one of our tools. */
export interface NextCall {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly why: string;
}

export interface CallSituation {
  readonly workspace: string;
  readonly isWanted: (service: string) => boolean;
  /** It was ready before, so that there is something to compare with. */
  readonly wasReady: boolean;
}

/** Longest that one call waits. */
const waitSeconds = 50;
const most = 3;

/** What can be called next about a cause of a service, safest first, at most three: a plan, a look, then a wait or a start. */
export function nextCalls(service: string, failure: Failure, situation: CallSituation): NextCall[] {
  const change = changeFor(failure);
  const plan: NextCall[] = change
    ? [{ tool: "configure_service", arguments: { changes: [{ service, set: change.set }] }, why: change.why }]
    : [];
  const history: NextCall[] = situation.wasReady
    ? [{ tool: "get_history", arguments: { service, since: "last_ready" }, why: "what changed since it worked" }]
    : [];
  return [...plan, ...history, ...goOn(service, failure, situation)].slice(0, most);
}

function goOn(service: string, { facts, code }: Failure, { workspace, isWanted }: CallSituation): NextCall[] {
  const owner = facts?.["owner_service"];
  if (code === "local_port_in_use" && owner !== undefined) {
    const way = facts?.["owner_workspace"] === workspace ? { replace: true } : { take_over: true };
    const why = `stops ${String(owner)}, which holds the port`;
    return [{ tool: "start_environment", arguments: { services: [service], ...way }, why }];
  }
  const root = facts?.["root_service"];
  if (code === "dependency_failed" && root !== undefined && !isWanted(String(root))) {
    return [
      {
        tool: "control_service",
        arguments: { service: String(root), action: "start" },
        why: `${service} waits for it`,
      },
    ];
  }
  // A service that is switched off is not started: the plan comes first.
  if (code === "service_disabled") return [];
  if (isWanted(service) && errorCatalogue[code].retryable) {
    const wait = { service, state: "ready", timeout_s: waitSeconds };
    return [{ tool: "wait_for", arguments: wait, why: "it comes back by itself when its cause goes" }];
  }
  return [{ tool: "control_service", arguments: { service, action: "start" }, why: "after its cause is mended" }];
}

interface Change {
  /** A merge patch of the service's keys. */
  readonly set: Readonly<Record<string, unknown>>;
  readonly why: string;
}

const checkTypes = new Set(["redis", "http", "https", "postgres", "mysql", "mongodb", "kafka", "amqp", "ssh", "tls"]);

/** The change of the configuration that mends it, where the facts say which. */
function changeFor({ code, facts = {} }: Failure): Change | undefined {
  const nearest = typeof facts["nearest"] === "string" ? facts["nearest"] : undefined;
  const mended = `a plan that takes ${nearest ?? ""} instead; shows it, changes nothing`;
  // What another service of the cluster lacks is not in this file.
  if (facts["upstream"] !== undefined) return undefined;
  switch (code) {
    case "context_missing":
      return nearest === undefined ? undefined : { set: { connection: { context: nearest } }, why: mended };
    case "host_unresolved":
      return nearest === undefined || facts["hop"] !== undefined
        ? undefined
        : { set: { connection: { host: nearest } }, why: mended };
    case "namespace_missing":
      return nearest === undefined ? undefined : { set: { connection: { namespace: nearest } }, why: mended };
    case "resource_missing":
      return resourceChange(facts, nearest, mended);
    case "target_port_missing":
      return portChange(facts, nearest);
    case "protocol_mismatch": {
      const type = facts["looks_like"] === "tls" && facts["expected"] !== "tls" ? "https" : facts["looks_like"];
      if (typeof type !== "string" || !checkTypes.has(type)) return undefined;
      if (facts["setting"] === "tls")
        return {
          set: { health_check: { config: { tls: false } } },
          why: "a plan that checks it without TLS; shows it, changes nothing",
        };
      // A web server asked in plain text keeps what is asked of it.
      if (type === "https" || type === "http") {
        const why = `a plan that checks it as ${type}; shows it, changes nothing`;
        const web = facts["expected"] === "http" || facts["expected"] === "https" || facts["expected"] === undefined;
        return { set: { health_check: { type, ...(!web && { config: null }) } }, why };
      }
      const why = `a plan that checks it as ${type}; shows it, changes nothing`;
      return { set: { health_check: { type, config: null } }, why };
    }
    case "local_port_in_use":
    case "local_port_privileged":
      return facts["owner_service"] === undefined
        ? { set: { local_port: 0 }, why: "a plan that takes a free local port; shows it, changes nothing" }
        : undefined;
    case "service_disabled":
      return { set: { enabled: true }, why: "a plan that switches it on; shows it, changes nothing" };
    default:
      return undefined;
  }
}

function resourceChange(
  facts: NonNullable<Failure["facts"]>,
  nearest: string | undefined,
  why: string,
): Change | undefined {
  const [kinds, namespaces] = [facts["other_kinds"], facts["in_namespaces"]];
  if (Array.isArray(kinds) && typeof kinds[0] === "string")
    return {
      set: { connection: { resource_type: kinds[0] } },
      why: `a plan that takes the ${kinds[0]} of that name; shows it, changes nothing`,
    };
  if (Array.isArray(namespaces) && namespaces.length === 1)
    return {
      set: { connection: { namespace: namespaces[0] as string } },
      why: `a plan that takes the one in ${String(namespaces[0])}; shows it, changes nothing`,
    };
  return nearest === undefined ? undefined : { set: { connection: { resource_name: nearest } }, why };
}

function portChange(facts: NonNullable<Failure["facts"]>, nearest: string | undefined): Change | undefined {
  const ports = facts["ports"];
  const only = Array.isArray(ports) && ports.length === 1 && typeof ports[0] === "string" ? ports[0] : undefined;
  const port = nearest ?? only?.split(":").at(-1);
  // A service that leads to a name that no container has is mended in the cluster.
  if (port === undefined || port === "" || facts["port_of"] === "container") return undefined;
  const value = /^\d+$/.test(port) ? Number(port) : port;
  return { set: { remote_port: value }, why: `a plan that takes port ${port}; shows it, changes nothing` };
}
