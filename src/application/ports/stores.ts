import type { AdHocStore } from "./ad-hoc-store.ts";
import type { ClusterPins } from "./cluster-pins.ts";
import type { HistoryStore } from "./history-store.ts";
import type { PlanStore } from "./plan-store.ts";
import type { StateStore } from "./state-store.ts";

/** All that outlives the daemon, over one database. */
export interface Stores {
  readonly state: StateStore;
  readonly history: HistoryStore;
  readonly adHoc: AdHocStore;
  readonly clusterPins: ClusterPins;
  readonly plans: PlanStore;
  /** Nothing may be used afterwards. */
  close(): void;
}
