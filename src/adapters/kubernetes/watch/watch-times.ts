import type { ErrorCode } from "#domain/error-catalogue.ts";

/** The server ends a watch after this, which also refreshes expired credentials. */
export const watchSeconds = 290;
/** Past the server's own end nothing can come any more. */
export const watchDeadlineMs = (watchSeconds + 20) * 1000;
export const firstRetryMs = 250;
/** How often a user who may list but not watch is served. */
export const listOnlyMs = 5000;

/** One attempt to connect, for all services of a namespace: an API server that comes back is noticed within this. */
const longestMs = 2000;
/** What a person or an administrator must mend is asked for less often; a dial asks at once. */
const longestRefusedMs = 20_000;
const refused: readonly ErrorCode[] = ["permission_denied", "credentials_rejected", "resource_missing"];

/** Before a list is tried again after `failures` earlier ones in a row; `random` is in [0, 1). */
export function retryMs(code: ErrorCode, failures: number, random: number): number {
  const longest = refused.includes(code) ? longestRefusedMs : longestMs;
  return Math.min(longest, firstRetryMs * 2 ** Math.min(failures, 20)) * (0.75 + random / 2);
}
