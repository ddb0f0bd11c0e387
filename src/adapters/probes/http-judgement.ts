import type { ErrorCode } from "#domain/error-catalogue.ts";
import type { Facts } from "#domain/connectivity-error.ts";
import type { ExpectedStatus } from "#domain/spec/checks/http.ts";
import type { HealthCheckOf } from "#domain/spec/health-check.ts";
import { failure } from "./failures.ts";

/** How nginx, Go's server, Apache and others tell a client that it forgot the TLS. */
const forgotTls =
  /plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server|speaking plain HTTP to an SSL-enabled/i;

/** Whether the answer to a plain request says that the port wants TLS: in words, or as a TLS alert. */
export const plainTextToTls = (said: Buffer): boolean => said[0] === 0x15 || forgotTls.test(said.toString("latin1"));

/** Whether a status is one of those: `204`, `2xx`, `200-299`. */
export const isExpected = (expected: readonly ExpectedStatus[], status: number): boolean =>
  expected.some((one) => {
    if (typeof one === "number") return one === status;
    if (one.endsWith("xx")) return one[0] === String(status)[0];
    const [from, to] = one.split("-").map(Number);
    return status >= Number(from) && status <= Number(to);
  });

interface Judged {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly found: boolean;
}

/**
 * Throws what an answer means for the check; returns when it is as expected. A redirect that was not followed leads
 * elsewhere (a login, the public name): the target answers, unless the check wants to see a text.
 */
export function judgeResponse(
  check: HealthCheckOf<"http" | "https">["config"],
  { status, headers, body, found }: Judged,
  facts: Facts,
): void {
  const elsewhere = status >= 300 && status < 400 && check.follow_redirects && check.expected_content === undefined;
  if (!isExpected(check.expected_status_codes, status) && !elsewhere) {
    const [code, message] = meaning(status, body);
    throw failure(code, message, { ...facts, expected: check.expected_status_codes.map(String) }, body);
  }
  if (check.expected_content !== undefined && !found && check.method !== "HEAD")
    throw failure("application_unhealthy", "the answer does not contain the expected text", facts, body);
  for (const [name, wanted] of Object.entries(check.expected_headers)) {
    const value = String(headers[name.toLowerCase()] ?? "");
    if (!value.toLowerCase().includes(wanted.toLowerCase()) || headers[name.toLowerCase()] === undefined)
      throw failure(
        "application_unhealthy",
        "a header of the answer is not as expected",
        { ...facts, header: name },
        value,
      );
  }
}

function meaning(status: number, body: Buffer): readonly [ErrorCode, string] {
  if (status === 400 && plainTextToTls(body)) return ["protocol_mismatch", "the target speaks HTTPS, not HTTP"];
  if (status === 404 || status === 410)
    return ["check_path_missing", `the target has nothing at the check's path (${status})`];
  if (status === 401 || status === 403 || status === 407)
    return ["application_auth_failed", `the target wants other credentials from the check (${status})`];
  return ["application_unhealthy", `the target answered ${status}`];
}
