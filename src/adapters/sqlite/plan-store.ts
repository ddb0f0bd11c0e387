import type { Database } from "better-sqlite3";
import type { ApplyJournal, PlanStore } from "#application/ports/plan-store.ts";
import type { WantedService } from "#application/ports/state-store.ts";
import type { PlanState } from "#domain/plan/plan.ts";
import { auditOf, generationOf, keptPlanOf, type Row } from "./plan-rows.ts";
import type { Seal } from "./sealed-text.ts";

/** What is kept of a workspace, and in all: a few megabytes, whatever happens. */
const planLimits = { generations: 100, generationBytes: 4_000_000, plans: 200, audits: 5000 } as const;

/** Generations, plans, trust and the audit log in their tables; texts and plans are sealed. */
export function createPlanStore(database: Database, seal: Seal): PlanStore {
  const sql = {
    inForce: database.prepare<[string], Row>(
      `SELECT generation.*, refused_digest, refused_reason FROM in_force JOIN generation USING (workspace, number)
       WHERE in_force.workspace = ?`,
    ),
    last: database
      .prepare<[string], number>("SELECT coalesce(max(number), 0) FROM generation WHERE workspace = ?")
      .pluck(),
    add: database.prepare(
      `INSERT INTO generation (workspace, number, at_ms, digest, origin, made_by, summary, sealed)
       VALUES (@workspace, @number, @atMs, @digest, @origin, @by, @summary, @sealed)`,
    ),
    put: database.prepare(
      `INSERT INTO in_force VALUES (@workspace, @number, @digest, @reason) ON CONFLICT DO UPDATE
       SET number = excluded.number, refused_digest = excluded.refused_digest, refused_reason = excluded.refused_reason`,
    ),
    clear: database.prepare("UPDATE in_force SET refused_digest = NULL, refused_reason = NULL WHERE workspace = ?"),
    mark: database.prepare("UPDATE generation SET rolled_back = 1 WHERE workspace = @workspace AND number > @number"),
    generations: database.prepare<[string, number], Row>(
      "SELECT *, length(sealed) AS bytes FROM generation WHERE workspace = ? ORDER BY number DESC LIMIT ?",
    ),
    text: database
      .prepare<[string, number], Buffer>("SELECT sealed FROM generation WHERE workspace = ? AND number = ?")
      .pluck(),
    forget: database.prepare(
      `DELETE FROM generation WHERE workspace = @workspace AND number < @below
       AND number NOT IN (SELECT number FROM in_force WHERE workspace = @workspace)`,
    ),
    savePlan: database.prepare(
      `INSERT INTO plan (id, workspace, created_ms, expires_ms, digest, state, sealed)
       VALUES (@id, @workspace, @createdMs, @expiresMs, @digest, 'open', @sealed)`,
    ),
    forgetPlans: database.prepare(
      `DELETE FROM plan WHERE state <> 'applying' AND id IN
       (SELECT id FROM plan ORDER BY created_ms DESC, rowid DESC LIMIT -1 OFFSET ${planLimits.plans})`,
    ),
    plan: database.prepare<[string], Row>("SELECT * FROM plan WHERE id = ?"),
    openPlans: database.prepare<[string], Row>(
      "SELECT * FROM plan WHERE workspace = ? AND state = 'open' ORDER BY created_ms DESC, rowid DESC",
    ),
    setState: database.prepare("UPDATE plan SET state = @state WHERE id = @id"),
    approve: database.prepare(
      `UPDATE plan SET approved_digest = digest, approved_ms = @atMs
       WHERE id = @id AND digest = @digest AND state = 'open'`,
    ),
    journal: database.prepare("INSERT OR REPLACE INTO apply_journal VALUES (@plan, @sealed)"),
    journals: database.prepare<[], Buffer>("SELECT sealed FROM apply_journal ORDER BY plan").pluck(),
    endJournal: database.prepare("DELETE FROM apply_journal WHERE plan = ?"),
    unwant: database.prepare("DELETE FROM wanted WHERE workspace = @workspace AND service = @service"),
    trust: database.prepare<[string], string>("SELECT digest FROM trust WHERE workspace = ?").pluck(),
    setTrust: database.prepare(
      "INSERT INTO trust VALUES (@workspace, @digest, @atMs) ON CONFLICT DO UPDATE SET digest = excluded.digest, at_ms = excluded.at_ms",
    ),
    endTrust: database.prepare("DELETE FROM trust WHERE workspace = ?"),
    audit: database.prepare(
      `INSERT INTO audit (at_ms, workspace, made_by, did, plan, generation, text)
       VALUES (@atMs, @workspace, @by, @did, @plan, @generation, @text)`,
    ),
    forgetAudits: database.prepare("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?"),
    audits: database.prepare<[string, number, number], Row>(
      "SELECT * FROM audit WHERE workspace = ? AND id < ? ORDER BY id DESC LIMIT ?",
    ),
  };

  const add: PlanStore["addGeneration"] = (generation, text) => {
    const { workspace } = generation;
    const number = (sql.last.get(workspace) ?? 0) + 1;
    sql.add.run({ ...generation, number, sealed: seal.seal(text) });
    sql.put.run({ workspace, number, digest: null, reason: null });
    // The newest that fit; the one in force stays in any case.
    let bytes = 0;
    let below = 0;
    for (const row of sql.generations.all(workspace, planLimits.generations + 1)) {
      bytes += Number(row["bytes"]);
      if (number - Number(row["number"]) < planLimits.generations && bytes <= planLimits.generationBytes) continue;
      below = Number(row["number"]) + 1;
      break;
    }
    if (below > 0) sql.forget.run({ workspace, below });
    return number;
  };
  const end = (journal: ApplyJournal, state: PlanState): void => {
    sql.endJournal.run(journal.plan);
    sql.setState.run({ id: journal.plan, state });
  };
  const inOne = <A extends unknown[], R>(run: (...args: A) => R): ((...args: A) => R) => {
    const transaction = database.transaction(run);
    return (...args) => transaction(...args);
  };

  return {
    inForce(workspace) {
      const row = sql.inForce.get(workspace);
      if (!row) return undefined;
      const text = seal.open(row["sealed"] as Buffer);
      const digest = row["refused_digest"] as string | null;
      const refused = digest === null ? undefined : { digest, reason: row["refused_reason"] as string };
      return { generation: generationOf(row), ...(text !== undefined && { text }), ...(refused && { refused }) };
    },
    addGeneration: inOne(add),
    goBack: inOne((workspace, number, refused) => {
      sql.put.run({ workspace, number, digest: refused?.digest ?? null, reason: refused?.reason ?? null });
      sql.mark.run({ workspace, number });
    }),
    clearRefused: (workspace) => void sql.clear.run(workspace),
    generations: (workspace, limit) => sql.generations.all(workspace, limit).map(generationOf),
    textOf(workspace, number) {
      const sealed = sql.text.get(workspace, number);
      return sealed && seal.open(sealed);
    },

    savePlan: inOne((plan) => {
      const { id, workspace, createdMs, expiresMs = null, digest } = plan;
      sql.savePlan.run({ id, workspace, createdMs, expiresMs, digest, sealed: seal.seal(JSON.stringify(plan)) });
      sql.forgetPlans.run();
    }),
    plan: (id) => keptPlanOf(sql.plan.get(id), seal),
    openPlans: (workspace) => sql.openPlans.all(workspace).flatMap((row) => keptPlanOf(row, seal) ?? []),
    setPlanState: (id, state) => void sql.setState.run({ id, state }),
    approve: (id, digest, atMs) => sql.approve.run({ id, digest, atMs }).changes === 1,

    beginApply: inOne((journal) => {
      sql.journal.run({ plan: journal.plan, sealed: seal.seal(JSON.stringify(journal)) });
      sql.setState.run({ id: journal.plan, state: "applying" });
    }),
    journals: () =>
      sql.journals.all().flatMap((sealed) => {
        const body = seal.open(sealed);
        return body === undefined ? [] : [JSON.parse(body) as ApplyJournal];
      }),
    commitApply: inOne((journal, generation, text, unwanted: readonly WantedService[]) => {
      for (const { workspace, service } of unwanted) sql.unwant.run({ workspace, service });
      end(journal, "applied");
      return add(generation, text);
    }),
    endApply: inOne(end),

    trust: (workspace) => sql.trust.get(workspace),
    setTrust(workspace, digest, atMs) {
      if (digest === undefined) sql.endTrust.run(workspace);
      else sql.setTrust.run({ workspace, digest, atMs });
    },

    audit: inOne((entry) => {
      const { plan = null, generation = null, ...rest } = entry;
      sql.audit.run({ ...rest, plan, generation });
      sql.forgetAudits.run(planLimits.audits);
    }),
    audits: (workspace, { limit, beforeId = Number.MAX_SAFE_INTEGER }) =>
      sql.audits.all(workspace, beforeId, limit).map(auditOf),
  };
}
