/** One end of a forward in `~/.ssh/config`. */
export type ConfigForwardEnd = { readonly host?: string; readonly port: number } | { readonly socket: string };

/** A `LocalForward`, `RemoteForward` or `DynamicForward` line of a host. */
export interface ConfigForward {
  readonly direction: "local" | "remote" | "dynamic";
  readonly listen: ConfigForwardEnd;
  readonly to?: ConfigForwardEnd;
}

/** A change of `configure_service` that declares a service. */
export interface ImportableService {
  readonly service: string;
  readonly set: Readonly<Record<string, unknown>>;
}

const isHere = (host: string | undefined): boolean =>
  host === undefined || /^(?:localhost|127\.0\.0\.1|::1)$/i.test(host);

/**
 * A forward of `~/.ssh/config` as a service; `undefined` for what no service can be: a SOCKS proxy at the server, and a
 * remote forward to another machine. What would listen beyond loopback listens on loopback: more is a person's decision.
 */
export function importableForward(
  host: string,
  { direction, listen, to }: ConfigForward,
): ImportableService | undefined {
  const service = nameFor(host, direction === "local" ? to : listen);
  const local = "socket" in listen ? { listen: listen.socket } : { local_port: listen.port };
  if (direction === "dynamic")
    return { service, set: { technology: "ssh", ...local, connection: { host, direction } } };
  if (to === undefined) return undefined;
  if (direction === "local") {
    const connection =
      "socket" in to ? { host, remote_socket: to.socket } : { host, remote_host: to.host ?? "localhost" };
    return {
      service,
      set: { technology: "ssh", ...local, ...("port" in to && { remote_port: to.port }), connection },
    };
  }
  if ("port" in to && !isHere(to.host)) return undefined;
  const near = "socket" in to ? { listen: to.socket } : { local_port: to.port };
  const far =
    "socket" in listen ? { remote_socket: listen.socket } : { ...(listen.host && { remote_host: listen.host }) };
  return {
    service,
    set: {
      technology: "ssh",
      ...near,
      ...("port" in listen && { remote_port: listen.port }),
      connection: { host, direction, ...far },
    },
  };
}

/** Letters, digits, `-` and `_`, at most 63. */
function nameFor(host: string, end: ConfigForwardEnd | undefined): string {
  const what = end === undefined ? "" : "socket" in end ? (end.socket.split("/").at(-1) ?? "") : String(end.port);
  const name = `${host}-${what}`.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replace(/^[-_]+/, "");
  return name.slice(0, 63);
}
