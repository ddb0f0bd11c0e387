/** How new connections are spread over several targets. */
export type Balance = "least_connections" | "round_robin" | "single";

/** What the choice between targets looks at. */
export interface TargetLoad {
  /** Connections that are open on it now. */
  readonly connections: number;
  /** Grows with every choice: the highest was chosen last; 0 was never chosen. */
  readonly lastChosen: number;
  /** It failed to take a connection a moment ago: only when no other does. */
  readonly passedOver: boolean;
  /** It can take a connection without being dialled first. */
  readonly warm: boolean;
}

/**
 * The targets in the order in which to try them, as indices: the first takes the connection, the next when it cannot.
 * `least_connections` and `round_robin` prefer, among equals, the one that was chosen longest ago; `single` stays with the
 * one that it has, in the given order.
 */
export function pickOrder(balance: Balance, targets: readonly TargetLoad[]): readonly number[] {
  return targets
    .map((target, index) => ({ target, index }))
    .toSorted((a, b) => compare(balance, a.target, b.target) || a.index - b.index)
    .map(({ index }) => index);
}

function compare(balance: Balance, a: TargetLoad, b: TargetLoad): number {
  const passed = Number(a.passedOver) - Number(b.passedOver);
  if (passed !== 0) return passed;
  const warm = Number(b.warm) - Number(a.warm);
  if (warm !== 0) return warm;
  if (balance === "single") return Number(b.lastChosen > 0) - Number(a.lastChosen > 0);
  const load = balance === "least_connections" ? a.connections - b.connections : 0;
  return load === 0 ? a.lastChosen - b.lastChosen : load;
}
