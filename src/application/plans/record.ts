import type { AuditEntry } from "../ports/plan-store.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";

/** Writes who did what, and tells those who listen: each audit entry is an event of its workspace as well. */
export function record(deps: PlanDependencies, entry: Omit<AuditEntry, "id" | "atMs">): void {
  const atMs = deps.clock.nowMs();
  try {
    deps.plans.audit({ ...entry, atMs });
  } catch {
    // A full disk: the event is told all the same, and what was asked for is done.
  }
  const name = `${entry.plan === undefined ? "config" : "plan"}_${entry.did}`;
  deps.engine().events.add({
    atMs,
    workspace: entry.workspace,
    service: "",
    kind: "config",
    name,
    text: entry.text,
    by: entry.by,
  });
}
