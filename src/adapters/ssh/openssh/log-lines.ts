/** What OpenSSH's log tells about channels, by the names that it gives them. */
export type ChannelEvent =
  /** A connection came to one of the local sockets: the next new channel is for it. */
  | { readonly kind: "requested"; readonly host: string; readonly port: number }
  | { readonly kind: "new"; readonly channel: number }
  | { readonly kind: "confirmed"; readonly channel: number }
  | { readonly kind: "refused"; readonly channel: number; readonly reason: OpenFailure; readonly text: string }
  | { readonly kind: "eof"; readonly channel: number }
  | { readonly kind: "closed"; readonly channel: number };

export type OpenFailure = "prohibited" | "connect_failed" | "unknown_type" | "no_resources";

const reasons: Readonly<Record<string, OpenFailure>> = {
  "administratively prohibited": "prohibited",
  "connect failed": "connect_failed",
  "unknown channel type": "unknown_type",
  "resource shortage": "no_resources",
};

/** A line of the log as an event of a channel, or `undefined` when it tells something else. */
export function channelEvent(line: string): ChannelEvent | undefined {
  const [, number = "", told = ""] = /channel (\d{1,7}): (.*)$/.exec(line) ?? [];
  const channel = Number(number);
  if (told.startsWith("new direct-")) return { kind: "new", channel };
  if (told.startsWith("open confirm ")) return { kind: "confirmed", channel };
  if (told === "rcvd eof") return { kind: "eof", channel };
  if (told === "rcvd close") return { kind: "closed", channel };
  const refusal = /^open failed: ([a-z ]+?)(?:: (.*))?$/.exec(told);
  if (refusal) {
    const [, reason = "", text = ""] = refusal;
    return { kind: "refused", channel, reason: reasons[reason] ?? "connect_failed", text };
  }
  const requested = /Connection to port -?\d+ forwarding to (.*) port (-?\d+) requested\.$/.exec(line);
  return requested ? { kind: "requested", host: requested[1] ?? "", port: Number(requested[2]) } : undefined;
}
