import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe } from "vitest";
import { openStateStore } from "#adapters/sqlite/state-store.ts";
import { stateStoreContract } from "./state-store-contract.ts";

describe("StateStore in SQLite", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "pw-store-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  stateStoreContract(() => openStateStore(join(folder, "state.db")));
});
