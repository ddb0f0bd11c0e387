import type { HealthCheckOf, HealthCheckType } from "#domain/spec/health-check.ts";
import type { Failure } from "#domain/connectivity-error.ts";
import type { ProbeResult } from "../ports/probe.ts";

/** Protocols that answer a stranger at once, in the order in which they are tried. */
const tried: readonly HealthCheckType[] = ["redis", "postgres", "http", "https"];

/** The same question without TLS, where it is asked with it: `tls: true` of a check's configuration. */
function withoutTls(own: HealthCheckOf<HealthCheckType>): HealthCheckOf<HealthCheckType> | undefined {
  const { config } = own;
  if (!("tls" in config) || !config.tls) return undefined;
  return { ...own, config: { ...config, tls: false } } as HealthCheckOf<HealthCheckType>;
}

/** Codes with which a server shows that it speaks the protocol, though it is not content. */
const understood =
  /^(?:application_auth_failed|database_missing|too_many_connections|check_path_missing|certificate_|application_unhealthy)/;

/** Failures that do not tell what it is that speaks there. */
const isMute = ({ code, facts }: Failure): boolean =>
  (code === "application_unhealthy" && (facts?.["silent"] === true || facts?.["closed"] === true)) ||
  (code === "protocol_mismatch" && facts?.["looks_like"] === undefined) ||
  ((code === "target_port_closed" || code === "target_unreachable") && facts?.["accepted"] === true);

/**
 * What a target speaks that does not answer its check in the check's own language, by asking in others. `undefined`: it
 * answers none of them, or it is clear already. `plain`: it is the check's own, without the TLS that the check begins with.
 */
export async function recognise(
  failure: Failure,
  own: HealthCheckOf<HealthCheckType>,
  run: (check: HealthCheckOf<HealthCheckType>) => Promise<ProbeResult>,
): Promise<HealthCheckType | "plain" | undefined> {
  if (!isMute(failure)) return undefined;
  const { healthCheckSchema } = await import("#domain/spec/health-check.ts");
  const plain = withoutTls(own);
  const types = tried.filter((type) => type !== own.type);
  const checks = [plain, ...types.map((type) => healthCheckSchema.safeParse({ type }).data)];
  const answers = await Promise.all(
    checks.map(async (check) => {
      const result = check && (await run(check));
      return result !== undefined && (result.ok || (understood.test(result.code) && !isMute(result)));
    }),
  );
  const found = answers.indexOf(true);
  return found === 0 ? "plain" : types[found - 1];
}
