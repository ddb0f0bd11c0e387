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
}

/** Longest that one call waits. */
const waitSeconds = 50;

/** What can be called next about a cause of a service, safest first, at most three. */
export function nextCalls(service: string, failure: Failure, { workspace, isWanted }: CallSituation): NextCall[] {
  const { facts, code } = failure;
  const owner = facts?.["owner_service"];
  if (code === "local_port_in_use" && owner !== undefined) {
    const way = facts?.["owner_workspace"] === workspace ? { replace: true } : { take_over: true };
    const why = `stops ${String(owner)}, which holds the port`;
    return [{ tool: "start_environment", arguments: { services: [service], ...way }, why }];
  }
  const root = facts?.["root_service"];
  if (code === "dependency_failed" && root !== undefined && !isWanted(String(root))) {
    return [{ tool: "control_service", arguments: { service: root, action: "start" }, why: `${service} waits for it` }];
  }
  if (!isWanted(service)) {
    return [{ tool: "control_service", arguments: { service, action: "start" }, why: "after its cause is mended" }];
  }
  if (errorCatalogue[code].retryable) {
    const wait = { service, state: "ready", timeout_s: waitSeconds };
    return [{ tool: "wait_for", arguments: wait, why: "it comes back by itself when its cause goes" }];
  }
  return [{ tool: "control_service", arguments: { service, action: "start" }, why: "after its cause is mended" }];
}
