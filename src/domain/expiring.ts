/** One thing that ends at a known time, and the services whose way rests on it. */
export interface Expiring {
  readonly what: string;
  readonly atMs: number;
  readonly renew?: string;
  readonly services: readonly string[];
}

/** What ends later than this is no news. */
export const expiringHorizonMs = 30 * 86_400_000;

/** The same thing of several services once, soonest first; only what has ended or ends within 30 days. */
export function expiringSoon(
  found: readonly { readonly service: string; readonly what: string; readonly atMs: number; readonly renew?: string }[],
  nowMs: number,
): Expiring[] {
  const groups = new Map<string, Expiring>();
  for (const { service, what, atMs, renew } of found) {
    if (atMs > nowMs + expiringHorizonMs) continue;
    const key = `${what}\n${atMs}`;
    const services = [...new Set([...(groups.get(key)?.services ?? []), service])];
    groups.set(key, { what, atMs, ...(renew !== undefined && { renew }), services });
  }
  return [...groups.values()].toSorted((left, right) => left.atMs - right.atMs);
}
