/** What OpenSSH's log tells about channels, by the names that it gives them. */
export type ChannelEvent =
  /** A connection came to one of the local sockets: the next new channel is for it. */
  | { readonly kind: "requested"; readonly target: string }
  | { readonly kind: "new"; readonly channel: number }
  /** A socket was handed over for this target: the next new channel for a handed socket is for it. */
  | { readonly kind: "handed_to"; readonly target: string }
  | { readonly kind: "new_handed"; readonly channel: number }
  | { readonly kind: "confirmed"; readonly channel: number }
  | { readonly kind: "refused"; readonly channel: number; readonly reason: OpenFailure; readonly text: string }
  | { readonly kind: "eof"; readonly channel: number }
  /** OpenSSH writes no more to the local end: all of it is written, or that failed. */
  | { readonly kind: "output_shut"; readonly channel: number }
  | { readonly kind: "closed"; readonly channel: number }
  /** The channel is no more, and its number is free. */
  | { readonly kind: "freed"; readonly channel: number };

export type OpenFailure = "prohibited" | "connect_failed" | "unknown_type" | "no_resources";

const reasons: Readonly<Record<string, OpenFailure>> = {
  "administratively prohibited": "prohibited",
  "connect failed": "connect_failed",
  "unknown channel type": "unknown_type",
  "resource shortage": "no_resources",
};

/** A line of the log as an event of a channel, or `undefined` when it tells something else. */
export function channelEvent(line: string): ChannelEvent | undefined {
  if (line === "debug1: multiplexing control connection" || line.includes(": new mux-control ")) return undefined;
  const [, number = "", told = ""] = /channel (\d{1,7}): (.*)$/.exec(line) ?? [];
  const channel = Number(number);
  // Before 9.2 without the type in front of the brackets.
  if (/^new (?:\S+ )?\[?direct-/.test(told)) return { kind: "new", channel };
  if (/^new (?:\S+ )?\[?stdio-forward/.test(told)) return { kind: "new_handed", channel };
  if (told.startsWith("free: ")) return { kind: "freed", channel };
  if (told.startsWith("(") && line.includes("chan_shutdown_write")) return { kind: "output_shut", channel };
  if (told.startsWith("open confirm ")) return { kind: "confirmed", channel };
  if (told === "rcvd eof") return { kind: "eof", channel };
  if (told === "rcvd close") return { kind: "closed", channel };
  const refusal = /^open failed: ([a-z ]+?)(?:: (.*))?$/.exec(told);
  if (refusal) {
    const [, reason = "", text = ""] = refusal;
    return { kind: "refused", channel, reason: reasons[reason] ?? "connect_failed", text };
  }
  const handed = /^debug1: channel_connect_stdio_fwd: (.*):(-?\d{1,10})$/.exec(line);
  if (handed) return { kind: "handed_to", target: targetKey(handed[1] ?? "", Number(handed[2])) };
  const requested = /Connection to port -?\d+ forwarding to (.*) port (-?\d+) requested\.$/.exec(line);
  return requested ? { kind: "requested", target: targetKey(requested[1] ?? "", Number(requested[2])) } : undefined;
}

/** A target as the log names it: a Unix socket has the port -2. */
export const targetKey = (host: string, port: number): string => `${host} ${port}`;
