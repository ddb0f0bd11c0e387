import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ApplyJournal } from "../ports/plan-store.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { record } from "./record.ts";

/**
 * Undoes every plan that a killed process was applying: nobody was told that it was through. The file has its former
 * text again (unless somebody wrote another one since), and what the plan would have started is not wanted.
 */
export async function recoverApplies(deps: PlanDependencies): Promise<void> {
  for (const journal of deps.plans.journals()) await recoverOne(deps, journal).catch(() => undefined);
}

async function recoverOne(deps: PlanDependencies, journal: ApplyJournal): Promise<void> {
  const { plans, store, editor } = deps;
  const { workspace, digest, baseGeneration, before, plan } = journal;
  if (before === undefined) await editor.remove(workspace, digest);
  else if (editor.digest(before) !== digest) {
    try {
      await editor.write(workspace, before, digest);
    } catch (thrown) {
      // Another text stands there: ours was never written, or somebody has changed it since.
      if (!(thrown instanceof ConnectivityError)) throw thrown;
    }
  }
  for (const service of journal.started) store.clearWanted({ workspace, service });
  plans.endApply(journal, "dropped");
  const text = `the process ended while ${plan} was being applied: everything is as it was before`;
  record(deps, { workspace, by: "portwright", did: "interrupted", plan, generation: baseGeneration, text });
}
