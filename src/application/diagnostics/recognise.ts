import type { HealthCheckOf, HealthCheckType } from "#domain/spec/health-check.ts";
import type { Failure } from "#domain/connectivity-error.ts";
import type { ProbeResult } from "../ports/probe.ts";

/** Protocols that answer a stranger at once, in the order in which they are tried. */
const tried: readonly HealthCheckType[] = ["redis", "postgres", "http", "https"];

/** Codes with which a server shows that it speaks the protocol, though it is not content. */
const understood =
  /^(?:application_auth_failed|database_missing|too_many_connections|check_path_missing|certificate_|application_unhealthy)/;

/** Failures that do not tell what it is that speaks there. */
const isMute = ({ code, facts }: Failure): boolean =>
  (code === "application_unhealthy" && (facts?.["silent"] === true || facts?.["closed"] === true)) ||
  (code === "protocol_mismatch" && facts?.["looks_like"] === undefined) ||
  (code === "target_port_closed" && facts?.["accepted"] === true);

/**
 * What a target speaks that does not answer its check in the check's own language, by asking in others. `undefined`: it
 * answers none of them, or it is clear already.
 */
export async function recognise(
  failure: Failure,
  own: HealthCheckType,
  run: (check: HealthCheckOf<HealthCheckType>) => Promise<ProbeResult>,
): Promise<HealthCheckType | undefined> {
  if (!isMute(failure)) return undefined;
  const { healthCheckSchema } = await import("#domain/spec/health-check.ts");
  const types = tried.filter((type) => type !== own);
  const answers = await Promise.all(
    types.map(async (type) => {
      const check = healthCheckSchema.safeParse({ type });
      const result = check.success ? await run(check.data) : undefined;
      return result !== undefined && (result.ok || (understood.test(result.code) && !isMute(result)));
    }),
  );
  return types[answers.indexOf(true)];
}
