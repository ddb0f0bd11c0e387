import type { DialLimits } from "./dial.ts";
import type { SshSettings } from "./settings.ts";

/** Longer than anybody waits, and short enough for a timer. */
const longestMs = 24 * 60 * 60 * 1000;
/** `ServerAliveCountMax 0`: a server that does not answer is never given up. */
const noLimit = 1_000_000;

/** What `ServerAliveInterval`, `ServerAliveCountMax` and `ConnectTimeout` of `~/.ssh/config` say, ours where they say nothing. */
export function limitsOf({ resolved }: SshSettings, ours: DialLimits): DialLimits {
  const { connectTimeoutMs, serverAliveIntervalMs, serverAliveCountMax } = resolved;
  return {
    ...ours,
    // 0 leaves it to the system.
    ...(connectTimeoutMs !== undefined &&
      connectTimeoutMs > 0 && { handshakeMs: Math.min(connectTimeoutMs, longestMs) }),
    // The count alone says nothing: an interval of its own is what OpenSSH counts by.
    ...(serverAliveIntervalMs !== undefined && {
      keepaliveMs: Math.min(serverAliveIntervalMs, longestMs),
      keepaliveCount: serverAliveCountMax === 0 ? noLimit : serverAliveCountMax,
    }),
  };
}
