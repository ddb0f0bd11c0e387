import type { Plan, PlanState } from "#domain/plan/plan.ts";
import type { WantedService } from "./state-store.ts";

/** A configuration that was in force, without its text. */
export interface Generation {
  readonly workspace: string;
  /** Grows by one per workspace. */
  readonly number: number;
  readonly atMs: number;
  readonly digest: string;
  /** `start`: the first reading; `file`: an edit by hand; `plan`: applied; `restore`: went back to another one. */
  readonly origin: "start" | "file" | "plan" | "restore";
  /** Who made it: a client's name, or `file`. */
  readonly by: string;
  /** What changed, in a sentence of ours. */
  readonly summary: string;
  /** It made something worse, and was taken back. */
  readonly rolledBack: boolean;
}

/** What a workspace runs by, and which text of its file is not in force. */
export interface InForce {
  readonly generation: Generation;
  /** Absent when what was kept cannot be read any more. */
  readonly text?: string;
  readonly refused?: RefusedText;
}

/** A text of the file that was taken back, and why. */
export interface RefusedText {
  readonly digest: string;
  readonly reason: string;
}

/** A plan and what became of it. */
export interface KeptPlan {
  readonly plan: Plan;
  readonly state: PlanState;
  /** A person's approval at a terminal, of exactly this digest. */
  readonly approval?: { readonly digest: string; readonly atMs: number };
}

/** What must be undone if the process ends before the plan is applied. */
export interface ApplyJournal {
  readonly plan: string;
  readonly workspace: string;
  /** Of the text that was written. */
  readonly digest: string;
  readonly baseGeneration: number;
  /** The file's text before; absent: it was not there. */
  readonly before?: string;
  /** Services that nobody wanted before. */
  readonly started: readonly string[];
}

/** Who asked for what, and what became of it. Holds no secret. */
export interface AuditEntry {
  readonly id: number;
  readonly atMs: number;
  readonly workspace: string;
  /** The client's name, cleaned; `file` for an edit by hand; `person` for an answer at a terminal. */
  readonly by: string;
  readonly did: "planned" | "applied" | "rolled_back" | "refused" | "approved" | "trusted" | "edited" | "interrupted";
  readonly plan?: string;
  readonly generation?: number;
  /** A sentence of ours. */
  readonly text: string;
}

/**
 * Generations, plans, trust and the audit log. One writer; every method is one transaction and synchronous. Texts are
 * sealed: the database alone tells nothing about what they hold. Bounded by number and size.
 */
export interface PlanStore {
  inForce(workspace: string): InForce | undefined;
  /** Keeps a generation and puts it in force. Returns its number. */
  addGeneration(generation: Omit<Generation, "number" | "rolledBack">, text: string): number;
  /** Goes back to a kept one; `refused` is the file's text that is not in force from now on. */
  goBack(workspace: string, number: number, refused?: RefusedText): void;
  /** The file's text is what is in force again. */
  clearRefused(workspace: string): void;
  /** Newest first. */
  generations(workspace: string, limit: number): readonly Generation[];
  textOf(workspace: string, number: number): string | undefined;

  savePlan(plan: Plan): void;
  plan(id: string): KeptPlan | undefined;
  /** Open ones, newest first. */
  openPlans(workspace: string): readonly KeptPlan[];
  setPlanState(id: string, state: PlanState): void;
  /** @returns false when the plan is not open or has another digest */
  approve(id: string, digest: string, atMs: number): boolean;

  /** From now on the plan is `applying`. */
  beginApply(journal: ApplyJournal): void;
  /** What a process that ended left behind. */
  journals(): readonly ApplyJournal[];
  /** The plan is through: all of it in one transaction. Returns the generation's number. */
  commitApply(
    journal: ApplyJournal,
    generation: Omit<Generation, "number" | "rolledBack">,
    text: string,
    unwanted: readonly WantedService[],
  ): number;
  endApply(journal: ApplyJournal, state: PlanState): void;

  /** The digest that a person trusted. */
  trust(workspace: string): string | undefined;
  setTrust(workspace: string, digest: string | undefined, atMs: number): void;

  audit(entry: Omit<AuditEntry, "id">): void;
  /** Newest first. */
  audits(workspace: string, page: { readonly limit: number; readonly beforeId?: number }): readonly AuditEntry[];
}
