import type { Failure } from "../connectivity-error.ts";

/**
 * Why a service waits for another one: that one's cause, or that nobody wants it up. Where the cause is again a
 * dependency, the root is named (`root_service`, `root_code`).
 */
export function dependencyFailed(dependency: string, cause: Failure | undefined): Failure {
  const above = cause?.code === "dependency_failed" ? cause.facts : undefined;
  const service = String(above?.["root_service"] ?? dependency);
  const code = above ? above["root_code"] : cause?.code;
  const because = service === dependency ? "" : ` (because of ${service})`;
  return {
    code: "dependency_failed",
    message: `waits for ${dependency}${because}: ${code === undefined ? `${service} is stopped` : String(code)}`,
    facts: { dependency, root_service: service, ...(code !== undefined && { root_code: code }) },
  };
}
