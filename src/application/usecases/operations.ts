import { randomBytes } from "node:crypto";

/** Long work that a call left behind: what `wait_for` takes up again. */
export interface Operation {
  readonly id: string;
  readonly workspace: string;
  readonly services: readonly string[];
  readonly environment?: string;
}

/** Older ones are forgotten: nobody waits for the hundredth operation before this one. */
const capacity = 100;

/** Handles of running operations, by id. In memory: after a restart `get_status` says the same. */
export class Operations {
  readonly #operations = new Map<string, Operation>();

  begin(operation: Omit<Operation, "id">): Operation {
    const started = { id: `op-${randomBytes(4).toString("hex")}`, ...operation };
    this.#operations.set(started.id, started);
    const [oldest] = this.#operations.keys();
    if (this.#operations.size > capacity && oldest !== undefined) this.#operations.delete(oldest);
    return started;
  }

  find(id: string): Operation | undefined {
    return this.#operations.get(id);
  }
}
