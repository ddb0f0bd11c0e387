import { randomBytes } from "node:crypto";
import { diffConfigurations } from "#domain/plan/configuration-diff.ts";
import { impactOf } from "#domain/plan/impact.ts";
import { planLifeMs, type Plan, type PlanSource } from "#domain/plan/plan.ts";
import { confirmSentence, planStem, planSummary, type PlanWords } from "#domain/plan/plan-words.ts";
import { rawNames, type RawConfiguration } from "#domain/plan/raw-configuration.ts";
import { assessPlan } from "#domain/plan/risk.ts";
import { targetOf } from "#domain/plan/target.ts";
import { trustText } from "#domain/plan/trust-keys.ts";
import type { Configuration } from "#domain/spec/configuration.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { PlanDependencies } from "./plan-dependencies.ts";
import { changedText, wouldMean } from "./planned-text.ts";
import { runningIn } from "./running.ts";

/** What a plan is made from. */
export interface Draft {
  /** Absent: the file is not there yet. */
  readonly workspace?: Workspace | undefined;
  readonly path: string;
  /** The file's text now. */
  readonly current: string;
  readonly baseDigest: string;
  readonly baseGeneration: number;
  readonly source: PlanSource;
  /** Of a `restore`: the text that it goes back to. */
  readonly text?: string;
  readonly by: string;
  readonly clientId: string;
  readonly title?: string;
  /** The file, where it is not the client's own: said in the sentence. */
  readonly place?: string | undefined;
  /** In place of the sentence that the changes make, and of the readable half of the id. */
  readonly sentence?: string;
  readonly stem?: string;
}

/** A plan with its impact, its risk and its sentence; not kept yet. `undefined`: nothing would change. */
export async function draftPlan(deps: PlanDependencies, draft: Draft): Promise<Plan | undefined> {
  const { editor, clock } = deps;
  const { path, workspace, current, source } = draft;
  const text = await textOf(deps, draft);
  if (text === current && workspace !== undefined && source.kind !== "restore") return undefined;
  const after = await wouldMean(deps, path, text);
  const before: Configuration | undefined = workspace?.configuration;
  const inForce = draft.workspace === undefined ? "" : await inForceText(deps, draft);
  const rawBefore = await editor.raw(path, inForce);
  const rawAfter = await editor.raw(path, text);
  const changes = diffConfigurations(rawBefore, rawAfter).filter(
    ({ id, op, keys }) =>
      !(id === "file" && op === "change" && workspace === undefined && keys.every((key) => key === "version")),
  );
  if (changes.length === 0 && text === current) return undefined;
  const old = before ?? { services: [], environments: [] };
  const added = changes.flatMap(({ op, service }) => (op === "add" && service !== undefined ? [service] : []));
  const starts = source.kind === "restore" ? [] : added;
  const running = runningIn(deps.engine(), workspace, draft.clientId);
  const impact = impactOf(old, after, running, starts);
  const trust = trustText(rawAfter);
  const untrusted = trust !== "" && trust !== trustText(rawBefore) && deps.plans.trust(path) !== editor.digest(trust);
  const assessed = { changes, after: rawAfter, configurations: [old, after], untrusted };
  const { risk, reasons } = assessPlan(assessed, impact);
  const words: PlanWords = {
    changes,
    impact,
    route: (service) => routeOf(after, service),
    joins: (service) => joined(rawBefore, rawAfter, service),
    ...(draft.title !== undefined && { title: draft.title }),
  };
  const nowMs = clock.nowMs();
  const where = draft.place === undefined ? "" : `In ${draft.place}: `;
  return {
    id: `${draft.stem ?? planStem(changes, draft.title)}-${randomBytes(2).toString("hex")}`,
    workspace: path,
    createdMs: nowMs,
    expiresMs: nowMs + planLifeMs,
    by: draft.by,
    baseGeneration: draft.baseGeneration,
    baseDigest: draft.baseDigest,
    digest: editor.digest(text),
    source,
    changes,
    impact,
    risk,
    reasons,
    summary: where + (draft.sentence ?? planSummary(words)),
    confirm: where + (draft.sentence ?? confirmSentence(words)),
    starts: impact.starts,
    trust: untrusted ? trust : "",
  };
}

async function textOf(deps: PlanDependencies, { source, path, current, text }: Draft): Promise<string> {
  if (source.kind === "create") return source.text;
  if (source.kind === "edit") return changedText(deps, path, current, source.changes);
  return text ?? current;
}

/** What is compared with: what is in force, which a restore may leave although the file says something else. */
async function inForceText(deps: PlanDependencies, { path, current, source }: Draft): Promise<string> {
  if (source.kind !== "restore") return current;
  return deps.plans.inForce(path)?.text ?? current;
}

function routeOf({ services }: Configuration, name: string): string | undefined {
  const spec = services.find((service) => service.name === name)?.spec;
  if (!spec) return undefined;
  const host = spec.listen === "localhost" ? "127.0.0.1" : spec.listen;
  return `${host}:${spec.localPort === 0 ? "(a free port)" : spec.localPort} → ${targetOf(spec)}`;
}

const joined = (before: RawConfiguration, after: RawConfiguration, service: string): string[] =>
  [...after.environments].flatMap(([name, value]) =>
    rawNames(value["services"]).includes(service) &&
    !rawNames(before.environments.get(name)?.["services"]).includes(service)
      ? [name]
      : [],
  );
