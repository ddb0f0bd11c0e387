import type { AuditEntry, Generation, KeptPlan } from "#application/ports/plan-store.ts";
import type { Plan, PlanState } from "#domain/plan/plan.ts";
import type { Seal } from "./sealed-text.ts";

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>;

export const generationOf = (row: Row): Generation => ({
  workspace: String(row["workspace"]),
  number: Number(row["number"]),
  atMs: Number(row["at_ms"]),
  digest: String(row["digest"]),
  origin: row["origin"] as Generation["origin"],
  by: String(row["made_by"]),
  summary: String(row["summary"]),
  rolledBack: row["rolled_back"] === 1,
});

/** `undefined` when it cannot be opened any more. */
export function keptPlanOf(row: Row | undefined, seal: Seal): KeptPlan | undefined {
  const text = row && seal.open(row["sealed"] as Buffer);
  if (!row || text === undefined) return undefined;
  const digest = row["approved_digest"];
  return {
    plan: JSON.parse(text) as Plan,
    state: row["state"] as PlanState,
    ...(typeof digest === "string" && { approval: { digest, atMs: Number(row["approved_ms"]) } }),
  };
}

export const auditOf = (row: Row): AuditEntry => ({
  id: Number(row["id"]),
  atMs: Number(row["at_ms"]),
  workspace: String(row["workspace"]),
  by: String(row["made_by"]),
  did: row["did"] as AuditEntry["did"],
  text: String(row["text"]),
  ...(typeof row["plan"] === "string" && { plan: row["plan"] }),
  ...(row["generation"] !== null && { generation: Number(row["generation"]) }),
});
