const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes (`250m`, `128Mi`, `1.5`, `1e3`) as a number; `undefined` when it is none. */
export function parseQuantity(text: unknown): number | undefined {
  if (typeof text === "number") return text;
  if (typeof text !== "string") return undefined;
  const [, digits, exponent, suffix = ""] =
    /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([a-zA-Z]{0,2}))$/.exec(text) ?? [];
  const factor = suffixes[suffix];
  if (digits === undefined || factor === undefined) return undefined;
  return Number(`${digits}${exponent ?? ""}`) * factor;
}

/** Cores as people write them: `250m`, `1.5`. */
export const coresText = (cores: number): string =>
  cores < 1 ? `${Math.round(cores * 1000)}m` : String(Math.round(cores * 100) / 100);

/** Bytes as people write them: `128Mi`, `1.5Gi`. */
export function bytesText(bytes: number): string {
  for (const [suffix, size] of [
    ["Gi", 2 ** 30],
    ["Mi", 2 ** 20],
    ["Ki", 2 ** 10],
  ] as const)
    if (bytes >= size) return `${Math.round((bytes / size) * 10) / 10}${suffix}`;
  return String(Math.round(bytes));
}
