import { ConnectivityError } from "#domain/connectivity-error.ts";
import { isOver } from "#domain/plan/plan.ts";
import { trustKeysOf, trustText } from "#domain/plan/trust-keys.ts";
import type { ClientSession } from "../client.ts";
import type { Workspace } from "../engine/workspace.ts";
import { record } from "../plans/record.ts";
import type { Interaction } from "../ports/interaction.ts";
import type { KeptPlan } from "../ports/plan-store.ts";
import type { Answer } from "../surface/tool-definition.ts";
import type { PersonRequest } from "./person-request.ts";
import { proposeEnvironment, type ProposeDependencies } from "./propose-environment.ts";
import { logIn, type LoginDependencies } from "./log-in.ts";
import { planAnswer } from "./plan-answer.ts";
import { requireWorkspace, type UseCaseDependencies } from "./scope.ts";

/** The conversation with the person while an answer is made. */
export interface PersonTalk {
  readonly interaction: Interaction;
  /** Aborted when the person goes away. */
  readonly signal: AbortSignal;
}

/** Answers a person: shows what is to be approved or trusted, and takes the answer, bound to what was shown. */
export async function person(
  deps: ProposeDependencies & LoginDependencies,
  request: PersonRequest,
  client: ClientSession,
  talk: PersonTalk,
): Promise<Answer> {
  switch (request.ask) {
    case "propose":
      return proposeEnvironment(deps, { client, signal: new AbortController().signal, progress: () => undefined });
    case "plan":
      return showPlan(deps, request.plan);
    case "approve":
      return approve(deps, request.plan, request.digest);
    case "trust_keys":
      return showKeys(deps, await requireWorkspace(deps.engine, client));
    case "trust":
      return trust(deps, await requireWorkspace(deps.engine, client), request.digest);
    case "distrust":
      return distrust(deps, await requireWorkspace(deps.engine, client));
    case "ssh_login":
      return logIn(deps, request.host, client, talk);
  }
}

/** @throws ConnectivityError `unknown_plan`, `plan_stale`, `plan_expired` */
function openPlan({ plan: { plans }, clock }: UseCaseDependencies, id: string): KeptPlan {
  const kept = plans.plan(id);
  if (!kept) throw new ConnectivityError("unknown_plan", `there is no plan ${id.slice(0, 60)}`);
  if (kept.state !== "open") {
    throw new ConnectivityError("plan_stale", `the plan ${id} was ${kept.state.replace("_", " ")} already`);
  }
  if (isOver(kept.plan, clock.nowMs())) {
    throw new ConnectivityError("plan_expired", `the plan ${id} is older than 15 minutes; have it made anew`);
  }
  return kept;
}

async function showPlan(deps: UseCaseDependencies, id: string): Promise<Answer> {
  const { plan, approval } = openPlan(deps, id);
  const current = plan.source.kind === "create" ? "" : await deps.plan.editor.readText(plan.workspace);
  const shown = await planAnswer(deps, plan, current, { checked: [] });
  return {
    ...shown,
    workspace: plan.workspace,
    digest: plan.digest,
    by: plan.by,
    approved: approval?.digest === plan.digest,
    ...(plan.trust !== "" && { trusts: keyRows(plan.trust) }),
    user_steps: [],
    next_steps: [],
  };
}

async function approve(deps: UseCaseDependencies, id: string, digest: string): Promise<Answer> {
  const { plan } = openPlan(deps, id);
  const { plans, editor } = deps.plan;
  const nowMs = deps.clock.nowMs();
  if (!plans.approve(id, digest, nowMs)) {
    throw new ConnectivityError("plan_stale", `the plan ${id} is not the one that was shown any more`);
  }
  // What it runs and reads was shown with it.
  if (plan.trust !== "") plans.setTrust(plan.workspace, editor.digest(plan.trust), nowMs);
  const text = `${id} was approved by a person at a terminal`;
  record(deps.plan, { workspace: plan.workspace, by: "person", did: "approved", plan: id, text });
  if (plan.source.kind !== "file")
    return { summary: `${id} is approved: apply_plan may apply it now.`, plan_id: id, next_steps: [] };
  const workspace = await deps.engine.workspace(plan.workspace);
  await workspace.reload();
  await deps.engine.environmentChanged(plan.workspace);
  const generation = deps.configurations.of(plan.workspace).inForce?.number;
  return { summary: `The edit is in force as generation ${generation}.`, plan_id: id, generation, next_steps: [] };
}

/** The keys of the file as it is, also when an edit of it waits. */
async function showKeys(deps: UseCaseDependencies, { path }: Workspace): Promise<Answer> {
  const { editor, plans } = deps.plan;
  const raw = await editor.raw(path, await editor.readText(path));
  const text = trustText(raw);
  const digest = text === "" ? "" : editor.digest(text);
  const keys = trustKeysOf(raw).map(({ where, path: key, text }) => ({ where, key, text }));
  const trusted = digest !== "" && plans.trust(path) === digest;
  const summary =
    keys.length === 0
      ? `${path} runs no programs and reads no secret files: there is nothing to trust.`
      : `${path} has ${keys.length} key${keys.length === 1 ? "" : "s"} that run${keys.length === 1 ? "s" : ""} programs or read${keys.length === 1 ? "s" : ""} secrets${trusted ? "; they are trusted" : ""}.`;
  return { summary, workspace: path, keys, digest, trusted, next_steps: [] };
}

async function trust(deps: UseCaseDependencies, workspace: Workspace, digest: string): Promise<Answer> {
  const { plans } = deps.plan;
  const { path } = workspace;
  const shown = await showKeys(deps, workspace);
  if (shown["digest"] !== digest || digest === "") {
    throw new ConnectivityError("plan_stale", "the file was changed since its keys were shown; look again");
  }
  plans.setTrust(path, digest, deps.clock.nowMs());
  record(deps.plan, {
    workspace: path,
    by: "person",
    did: "trusted",
    text: "the keys that run programs or read secrets are trusted as they are",
  });
  // An edit that waited for nothing else is in force now, and what failed for want of trust is tried again.
  await workspace.reload();
  await deps.engine.environmentChanged(path);
  return {
    summary: `${path} is trusted until one of these keys, or a target of theirs, changes.`,
    trusted: true,
    next_steps: [],
  };
}

async function distrust(deps: UseCaseDependencies, { path }: Workspace): Promise<Answer> {
  deps.plan.plans.setTrust(path, undefined, deps.clock.nowMs());
  record(deps.plan, { workspace: path, by: "person", did: "trusted", text: "the trust was taken back" });
  return {
    summary: `${path} is not trusted any more: what runs goes on until its next dial.`,
    trusted: false,
    next_steps: [],
  };
}

function keyRows(trust: string): object[] {
  const { keys } = JSON.parse(trust) as { keys: readonly [string, string, string][] };
  return keys.map(([where, key, text]) => ({ where, key, text }));
}
