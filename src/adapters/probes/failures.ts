import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { ErrorCode } from "#domain/error-catalogue.ts";
import { looksLike } from "./looks-like.ts";

/** Evidence is at most this long. */
export const clippedBytes = 2048;

/** Text from outside as evidence: clipped, without control characters but line breaks and tabs. */
export const evidence = (bytes: Buffer | string): string =>
  (typeof bytes === "string" ? bytes : bytes.toString("utf8", 0, clippedBytes))
    .slice(0, clippedBytes)
    // oxlint-disable-next-line no-control-regex -- they are what is removed
    .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "\uFFFD");

export const failure = (
  code: ErrorCode,
  message: string,
  facts: Facts = {},
  said?: Buffer | string,
): ConnectivityError =>
  new ConnectivityError(
    code,
    message,
    facts,
    said === undefined || said.length === 0 ? {} : { untrusted: evidence(said) },
  );

/**
 * The target answered, but not in the language of the check; or in it, and against its rules.
 * @param rule what the reader found wrong, an identifier
 */
export function notThisProtocol(expected: string, said: Buffer, rule?: string): ConnectivityError {
  const spoken = looksLike(said);
  if (spoken === expected && rule !== undefined)
    return failure(
      "application_unhealthy",
      `the target speaks ${expected}, and its answer is not valid`,
      { rule: rule.toLowerCase() },
      said,
    );
  const message = `the target does not speak ${expected}${spoken === undefined ? "" : `: it looks like ${spoken}`}`;
  return failure("protocol_mismatch", message, { expected, ...(spoken !== undefined && { looks_like: spoken }) }, said);
}

/** Accepted, then closed or reset before a byte came. What that means is found out by a second look. */
export const closedWithoutByte = (): ConnectivityError =>
  failure("target_port_closed", "the connection was accepted and closed at once: nothing serves behind it", {
    accepted: true,
  });

export const isClosedWithoutByte = (error: unknown): boolean =>
  error instanceof ConnectivityError && error.code === "target_port_closed" && error.facts.accepted === true;

/** The time of the check is over: before a byte, or in the middle of the answer. */
export const tooLate = (bytesRead: number): ConnectivityError =>
  bytesRead === 0
    ? failure("application_unhealthy", "the target accepts connections and says nothing", { silent: true })
    : failure("application_slow", "the target's answer was not complete in time", { bytes: bytesRead });
