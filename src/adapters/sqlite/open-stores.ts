import { dirname, join } from "node:path";
import type { Stores } from "#application/ports/stores.ts";
import { createAdHocStore } from "./ad-hoc-store.ts";
import { createClusterPins } from "./cluster-pins.ts";
import { createHistoryStore } from "./history-store.ts";
import { openDatabase, type OpenOptions } from "./open-database.ts";
import { createPlanStore } from "./plan-store.ts";
import { createSeal } from "./sealed-text.ts";
import { createStateStore } from "./state-store.ts";

/**
 * What one user's daemon keeps, in one SQLite file (WAL, synchronous calls, one writer: the holder of the daemon lock).
 * The file is 0600. A damaged file is set aside, and the stores start empty: what they hold can be wanted again.
 * @throws ConnectivityError `not_supported` (written by a newer version), `internal_error` (cannot be opened or written)
 */
export function openStores(file: string, options: OpenOptions = {}): Stores {
  const database = openDatabase(file, options);
  return {
    state: createStateStore(database),
    history: createHistoryStore(database),
    adHoc: createAdHocStore(database),
    clusterPins: createClusterPins(database),
    plans: createPlanStore(database, createSeal(join(dirname(file), "generations.key"))),
    close: () => void database.close(),
  };
}
