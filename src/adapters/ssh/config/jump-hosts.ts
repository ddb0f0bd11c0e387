/** One hop of a `ProxyJump`. What is not said comes from the hop's own entry in the configuration. */
export interface JumpHost {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

/** `[user@]host[:port]` or `ssh://…`; `undefined` when it is none. IPv6 addresses stand in brackets. */
export function parseJumpHost(text: string): JumpHost | undefined {
  const match = /^(?:ssh:\/\/)?(?:([^/]*)@)?(?:\[([^\]]+)\]|([^:/[\]]+))(?::(\d{1,5}))?\/?$/.exec(text.trim());
  const host = match?.[2] ?? match?.[3];
  if (!match || host === undefined || /\s/.test(host)) return undefined;
  const port = match[4] === undefined ? undefined : Number(match[4]);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (match[1] === "") return undefined;
  return { host, ...(match[1] !== undefined && { user: match[1] }), ...(port !== undefined && { port }) };
}

/** The hops, outermost first; `undefined` when one of them is none. */
export function parseJumpHosts(text: string): readonly JumpHost[] | undefined {
  const hops = text.split(",").map(parseJumpHost);
  return hops.every((hop) => hop !== undefined) ? hops : undefined;
}
