import type { ProbePath } from "#application/ports/probe.ts";

const redirects = [301, 302, 303, 307, 308];

/**
 * Where to ask next: path and query of a redirect that stays within the target (relative, the same origin, or the local
 * end of the same connection); `undefined` for everything else.
 */
export function redirectTarget(
  answer: { readonly status: number; readonly location: string | undefined },
  origin: string,
  target: string,
  path: Pick<ProbePath, "host" | "port">,
): string | undefined {
  if (!redirects.includes(answer.status) || answer.location === undefined) return undefined;
  const base = URL.parse(target, origin);
  const next = base && URL.parse(answer.location, base.href);
  if (!next || !base) return undefined;
  const local = `${base.protocol}//${path.host}:${path.port}`;
  const inside = next.origin === base.origin || next.origin === URL.parse(local)?.origin;
  return inside ? `${next.pathname}${next.search}` : undefined;
}
