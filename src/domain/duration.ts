const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

const durationPattern = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)$/;

/** `"30s"`, `"500ms"`, `"2m"`, `"1.5h"` or a number of seconds, in milliseconds; `undefined` for anything else. */
export function parseDurationMs(value: string | number): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : undefined;
  const match = durationPattern.exec(value.trim());
  if (!match) return undefined;
  return Math.round(Number(match[1]) * unitsMs[match[2] as keyof typeof unitsMs]);
}
