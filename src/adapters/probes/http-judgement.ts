import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { failure } from "./failures.ts";

/** How nginx, Go's server, Apache and others tell a client that it forgot the TLS. */
const forgotTls =
  /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP to an SSL-enabled/i;

/** Whether the answer to a plain request says that the port wants TLS: in words, or as a TLS alert. */
export const plainTextToTls = (said: Buffer): boolean => said[0] === 0x15 || forgotTls.test(said.toString("latin1"));

interface Judged {
  readonly status: number;
  readonly body: Buffer;
  readonly found: boolean;
}

/**
 * Throws what an answer means for the check; returns when it is as expected. A redirect that was not followed leads
 * elsewhere (a login, the public name): the target answers, unless the check wants to see a text.
 */
export function judgeResponse(
  check: HealthCheckOf<"http" | "https">["config"],
  { status, body, found }: Judged,
  facts: Facts,
): void {
  const elsewhere = status >= 300 && status < 400;
  if (!check.expected_status_codes.includes(status) && !(elsewhere && check.expected_content === undefined)) {
    const [code, message] = meaning(status, body);
    throw failure(code, message, { ...facts, expected: check.expected_status_codes.map(String) }, body);
  }
  if (check.expected_content !== undefined && !found && check.method !== "HEAD")
    throw failure("application_unhealthy", "the answer does not contain the expected text", facts, body);
}

function meaning(status: number, body: Buffer): readonly [ErrorCode, string] {
  if (status === 400 && plainTextToTls(body)) return ["protocol_mismatch", "the target speaks HTTPS, not HTTP"];
  if (status === 404 || status === 410)
    return ["check_path_missing", `the target has nothing at the check's path (${status})`];
  if (status === 401 || status === 403 || status === 407)
    return ["application_auth_failed", `the target wants other credentials from the check (${status})`];
  return ["application_unhealthy", `the target answered ${status}`];
}
