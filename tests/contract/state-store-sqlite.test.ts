import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe } from "vitest";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import { stateStoreContract } from "./state-store-contract.ts";

describe("StateStore in SQLite", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pw-store-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  stateStoreContract(() => {
    const stores = openStores(join(folder, "state.db"));
    return { ...stores.state, close: () => stores.close() };
  });
});
