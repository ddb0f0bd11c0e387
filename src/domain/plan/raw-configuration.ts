/** Plain data of a file as it is written: references are not replaced. */
export type RawValue = string | number | boolean | null | readonly RawValue[] | RawMap;
export interface RawMap {
  readonly [key: string]: RawValue;
}

/** What a file says, by name, before anything is resolved. */
export interface RawConfiguration {
  readonly services: ReadonlyMap<string, RawMap>;
  /** Only those that are declared: no tags, no implicit default. */
  readonly environments: ReadonlyMap<string, RawMap>;
  /** Everything else, `defaults` among it. */
  readonly rest: RawMap;
  /** The line in which a service or an environment (`env:NAME`) begins. */
  readonly lines: ReadonlyMap<string, number>;
}

export const isRawMap = (value: unknown): value is RawMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Names in a list; anything else in it is left out. */
export const rawNames = (value: RawValue | undefined): string[] =>
  Array.isArray(value) ? (value as readonly RawValue[]).filter((item) => typeof item === "string") : [];

/** Whether two plain values say the same; the order of keys does not matter. */
export function sameValue(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const a = left as Record<string, unknown>;
  const b = right as Record<string, unknown>;
  const keys = (value: Record<string, unknown>): string[] =>
    Object.keys(value).filter((key) => value[key] !== undefined);
  const own = keys(a);
  return own.length === keys(b).length && own.every((key) => Object.hasOwn(b, key) && sameValue(a[key], b[key]));
}
