import { ConnectivityError } from "#domain/connectivity-error.ts";

/** A hop as OpenSSH's `-J` takes it. */
export interface HopName {
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
}

/** `[user@]host[:port]` or `ssh://[user@]host[:port]`, an IPv6 address in brackets where a port follows (ssh(1), `-J`). */
export function parseHopName(text: string): HopName {
  const [, user, address = ""] = /^(?:ssh:\/\/)?(?:(.+)@)?(.+)$/.exec(text.trim()) ?? [];
  const [, bracketed, inner = "", bare = "", digits] =
    /^(?:(\[)([^\]]+)\]|([^:]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))(?::(\d{1,5}))?$/.exec(address) ?? [];
  const host = bracketed === undefined ? bare : inner;
  const port = digits === undefined ? undefined : Number(digits);
  // OpenSSH takes a name that begins with a dash for an option; no host is called so.
  if (
    host === "" ||
    host.startsWith("-") ||
    user?.startsWith("-") ||
    /\s/.test(text.trim()) ||
    port === 0 ||
    (port ?? 1) > 65_535
  ) {
    throw new ConnectivityError("config_invalid", `a hop is written as host, user@host or user@host:port`, {
      hop: text,
    });
  }
  return { host, ...(user !== undefined && { user }), ...(port !== undefined && { port }) };
}
