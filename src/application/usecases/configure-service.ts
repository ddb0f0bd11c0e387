import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { PlannedChange } from "#domain/plan/operation.ts";
import type { RawConfiguration } from "#domain/plan/raw-configuration.ts";
import type { Plan, PlanSource } from "#domain/plan/plan.ts";
import type { ServiceDeclaration } from "#domain/spec/configuration.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { ClientSession } from "../client.ts";
import type { Workspace } from "../engine/workspace.ts";
import { draftPlan } from "../plans/draft-plan.ts";
import { newFileText, plannedText, wouldMean } from "../plans/planned-text.ts";
import { record } from "../plans/record.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { ConfigureServiceArgs } from "../surface/use-cases.ts";
import { changesOf } from "./asked-changes.ts";
import { checkPorts } from "./check-ports.ts";
import { planAnswer } from "./plan-answer.ts";
import { tryTargets, type TriedTargets, type TryDependencies } from "./try-targets.ts";
import { shownPath, workspaceOf, type UseCaseDependencies } from "./scope.ts";

export type ConfigureDependencies = UseCaseDependencies & TryDependencies;

/** Plans a change of services and environments, or the way back to a kept generation. Changes nothing. */
export async function configureService(
  deps: ConfigureDependencies,
  args: ConfigureServiceArgs,
  context: CallContext,
): Promise<Answer> {
  const { changes, rollback_to: rollbackTo } = args;
  if ((changes === undefined) === (rollbackTo === undefined)) {
    throw new ConnectivityError("invalid_arguments", "give either changes or rollback_to");
  }
  const workspace = await workspaceOf(deps.engine, context.client);
  if (rollbackTo !== undefined) return planRollback(deps, workspace, rollbackTo, context);
  const base = await baseOf(deps, workspace, context);
  const asked = changesOf(changes ?? [], base.raw, workspace);
  return planned(deps, workspace, base, { kind: "edit", changes: asked }, context);
}

/** Where a change begins: the file's text, which must be what is in force. */
export interface Base {
  readonly path: string;
  readonly text: string;
  readonly digest: string;
  readonly generation: number;
  readonly raw: RawConfiguration;
}

/**
 * @throws ConnectivityError `config_invalid` when the file has an edit that is not in force: a change would take it along
 */
export async function baseOf(
  { plan: { editor }, configurations }: UseCaseDependencies,
  workspace: Workspace | undefined,
  { client }: CallContext,
): Promise<Base> {
  if (!workspace) {
    const path = newFilePath(client);
    return { path, text: "", digest: "", generation: 0, raw: await editor.raw(path, "") };
  }
  const { path } = workspace;
  const kept = configurations.of(path);
  const [problem] = workspace.problems;
  if (problem) {
    throw new ConnectivityError(
      "config_invalid",
      `the file is not valid (${problem.message}): mend it first, or go back with rollback_to`,
      {
        file: path,
      },
    );
  }
  if (kept.finding) throw new ConnectivityError(kept.finding.code, kept.finding.message, kept.finding.facts);
  const text = await editor.readText(path);
  return {
    path,
    text,
    digest: editor.digest(text),
    generation: kept.inForce?.number ?? 0,
    raw: await editor.raw(path, text),
  };
}

/**
 * Where a first configuration goes: the folder in which the client works.
 * @throws ConnectivityError `config_not_found` where no configuration is looked for: `/` and the home folder
 */
export function newFilePath({ hello }: ClientSession): string {
  const { cwd, env } = hello;
  if (cwd !== "/" && cwd !== env["HOME"]) return `${cwd}/portwright.yaml`;
  throw new ConnectivityError(
    "config_not_found",
    `no configuration is looked for in ${cwd}: work in the project's folder, or name a file with --config`,
    { cwd },
  );
}

/** Drafts, keeps and shows a plan; says so when nothing would change. */
export async function planned(
  deps: ConfigureDependencies,
  workspace: Workspace | undefined,
  base: Base,
  source: PlanSource,
  context: CallContext,
  more: { readonly title?: string; readonly text?: string } = {},
): Promise<Answer> {
  const { client } = context;
  const by = deps.clients.nameOf(client.hello.id) ?? client.hello.name;
  const real = workspace ? source : await created(deps, base, source);
  const plan = await draftPlan(deps.plan, {
    workspace,
    path: base.path,
    current: base.text,
    baseDigest: base.digest,
    baseGeneration: base.generation,
    source: real,
    by,
    clientId: client.hello.id,
    place: client.borrowed ? shownPath(base.path, client.hello.env["HOME"]) : undefined,
    ...more,
  });
  if (!plan)
    return { summary: "Nothing would change: the configuration says so already.", changes: [], next_steps: [] };
  const { services } = await wouldMean(deps.plan, base.path, await plannedText(deps.plan, plan, base.text, undefined));
  const ports = checkPorts(deps, workspace, plan, services);
  const tried = await tryTargets(deps, base.path, changedServices(plan, services), context.signal);
  deps.plan.plans.savePlan(plan);
  record(deps.plan, {
    workspace: base.path,
    by,
    did: "planned",
    plan: plan.id,
    text: `${plan.id} was planned: ${plan.summary}`.slice(0, 400),
  });
  return planAnswer(deps, plan, base.text, { checked: [...ports, ...permissions(tried), "schema valid"], tried });
}

function changedServices({ changes }: Plan, services: readonly ServiceDeclaration[]): ServiceSpec[] {
  const changed = changes.filter(({ op }) => op !== "remove").map(({ service }) => service);
  return services.flatMap(({ name, spec }) => (spec && changed.includes(name) ? [spec] : []));
}

/** What the way to a target took. */
const permissions = ({ resolved }: TriedTargets): string[] =>
  resolved.size === 0 ? [] : ["get,create pods/portforward allowed"];

/** The same changes, where there is no file yet. */
async function created({ plan }: UseCaseDependencies, { path }: Base, source: PlanSource): Promise<PlanSource> {
  if (source.kind !== "edit") return source;
  const { changedText } = await import("../plans/planned-text.ts");
  return { kind: "create", changes: source.changes, text: await changedText(plan, path, newFileText, source.changes) };
}

async function planRollback(
  deps: ConfigureDependencies,
  workspace: Workspace | undefined,
  number: number,
  context: CallContext,
): Promise<Answer> {
  const { plans, editor } = deps.plan;
  if (!workspace)
    throw new ConnectivityError("invalid_arguments", "there is no configuration yet, so none to go back to");
  const { path } = workspace;
  const text = plans.textOf(path, number);
  if (text === undefined) {
    const known = plans.generations(path, 20).map((generation) => String(generation.number));
    throw new ConnectivityError(
      "invalid_arguments",
      `generation ${number} is not kept; there are: ${known.join(", ")}`,
      { known },
    );
  }
  const current = await editor.readText(path);
  const base: Base = {
    path,
    text: current,
    digest: editor.digest(current),
    generation: deps.configurations.of(path).inForce?.number ?? 0,
    raw: await editor.raw(path, current),
  };
  const title = `Go back to generation ${number}`;
  return planned(deps, workspace, base, { kind: "restore", generation: number }, context, { title, text });
}

/** The changes of a plan that only removes, for `remove_service`. */
export const editOf = (changes: readonly PlannedChange[]): PlanSource => ({ kind: "edit", changes });
