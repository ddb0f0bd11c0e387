import type { Failure } from "#domain/connectivity-error.ts";
import { infer, sameCause, type Cause, type Inference, type Walk } from "#domain/diagnosis/inference.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import { isoInZone } from "#domain/time.ts";
import { walkLadder, type LadderWalk, type WalkDependencies } from "../diagnostics/walk-ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { DiagnoseArgs } from "../surface/use-cases.ts";
import { requireWorkspace, select, selectService, type UseCaseDependencies } from "./scope.ts";

export type DiagnoseDependencies = UseCaseDependencies & { readonly walk: WalkDependencies };

/** Ladders walked at the same time: enough for ten services in two seconds, few enough to leave the machine alone. */
const walksAtOnce = 8;
const shownOthers = 5;

/** Says why a service fails, or ranks the causes over an environment. Changes nothing. */
export async function diagnose(deps: DiagnoseDependencies, args: DiagnoseArgs, context: CallContext): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, context.client);
  if (args.service === undefined) return diagnoseAll(deps, workspace, args, context);
  const notes: string[] = [];
  const service = selectService(workspace, args.service, true, notes);
  const walks = new Map<string, Promise<LadderWalk>>();
  const walk = await walkWithDependencies(deps, workspace, service, walks, context);
  const own = await (walks.get(service) as Promise<LadderWalk>);
  const inference = infer(walk);
  const { root } = inference;
  if (!root) return healthyAnswer(workspace, service, own, notes, inference);
  return {
    summary: [...notes, causeSummary(service, root)].join(" "),
    service,
    status: "found",
    healthy: false,
    side: root.side,
    root_cause: causeFields(deps, workspace, root, context),
    ...(inference.symptoms.length > 0 && { contributing: inference.symptoms.map((symptom) => contributing(symptom)) }),
    ...(inference.others.length > 0 && {
      other_causes: inference.others.slice(0, shownOthers).map((cause) => briefCause(cause)),
    }),
    ladder: own.ladder,
    ...(own.via !== undefined && { via: own.via }),
    ...untrustedOf(root.failure),
    ...userSteps(root.failure),
    next_steps: nextSteps(root),
  };
}

/** Every service that is not well, with causes that are one folded into one. */
async function diagnoseAll(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  args: DiagnoseArgs,
  context: CallContext,
): Promise<Answer> {
  const { services, environment } = select(workspace, args, true);
  const asked = services.filter((service) => workspace.isWanted(service));
  const unwell = asked.filter((service) => workspace.condition(service).state !== "ready");
  const title = environment?.name ?? "services";
  if (unwell.length === 0) {
    const summary =
      asked.length === 0
        ? `${title}: nothing is running.`
        : `${title}: all ${asked.length} running services are verified.`;
    const steps: NextStep[] =
      asked.length === 0 ? [{ tool: "start_environment", arguments: {}, why: "nothing is running" }] : [];
    return {
      summary,
      status: asked.length === 0 ? "unknown" : "healthy",
      healthy: asked.length > 0,
      side: "none",
      next_steps: steps,
    };
  }
  const walks = new Map<string, Promise<LadderWalk>>();
  const causes: (Cause & { services: string[] })[] = [];
  for (let index = 0; index < unwell.length; index += walksAtOnce) {
    const batch = unwell.slice(index, index + walksAtOnce);
    const inferences = await Promise.all(
      batch.map(async (service) => ({
        service,
        ...infer(await walkWithDependencies(deps, workspace, service, walks, context)),
      })),
    );
    for (const { service, root } of inferences) if (root) fold(causes, root, service);
  }
  const ranked = causes.toSorted((left, right) => right.services.length - left.services.length);
  const [first] = ranked;
  if (!first) {
    return {
      summary: `${title}: ${unwell.join(", ")} not ready, and nothing is found wrong on the way: it may just have healed.`,
      status: "unknown",
      healthy: false,
      side: "none",
      ruled_out: ["configuration", "local port", "the way to the target", "the check at its end"],
      next_steps: [{ tool: "get_status", arguments: {}, why: "see whether it is ready now" }],
    };
  }
  const explained = first.services.length > 1 ? ` It explains ${first.services.join(", ")}.` : "";
  return {
    summary: `${title}: ${unwell.length} of ${asked.length} not ready, ${ranked.length === 1 ? "one cause" : `${ranked.length} independent causes`}. ${causeSummary(first.service, first)}${explained}`,
    status: ranked.length === 1 ? "found" : "several",
    healthy: false,
    side: first.side,
    root_cause: { ...causeFields(deps, workspace, first, context), explains: first.services },
    ...(ranked.length > 1 && {
      other_causes: ranked
        .slice(1, 1 + shownOthers)
        .map((cause) => ({ ...briefCause(cause), explains: cause.services })),
    }),
    ...untrustedOf(first.failure),
    ...userSteps(first.failure),
    next_steps: nextSteps(first),
  };
}

function fold(causes: (Cause & { services: string[] })[], root: Cause, service: string): void {
  const known = causes.find(
    (cause) =>
      (cause.service === root.service && cause.failure.code === root.failure.code) ||
      sameCause(cause.failure, root.failure),
  );
  if (known) known.services.push(service);
  else causes.push({ ...root, services: [service] });
}

async function walkWithDependencies(
  deps: DiagnoseDependencies,
  workspace: Workspace,
  service: string,
  walks: Map<string, Promise<LadderWalk>>,
  context: CallContext,
): Promise<Walk> {
  let own = walks.get(service);
  if (!own) {
    context.progress(`checking ${service}`);
    own = walkLadder(deps.walk, workspace, service, context.signal);
    walks.set(service, own);
  }
  const dependsOn = workspace.declaration(service)?.spec?.dependsOn ?? [];
  // A configuration has no cycles: one that had was refused.
  const dependencies = await Promise.all(
    dependsOn.map((name) => walkWithDependencies(deps, workspace, name, walks, context)),
  );
  return { ...(await own).walk, dependencies };
}

function causeSummary(service: string, root: Cause): string {
  const where = root.service === service ? service : `${service} fails because of ${root.service}`;
  const yours = root.side === "service" ? " Your connection is fine up to there." : "";
  return `${where}: ${root.failure.message}.${yours}`;
}

function causeFields(
  { clock }: UseCaseDependencies,
  workspace: Workspace,
  root: Cause,
  { client }: CallContext,
): object {
  const { failure, service, rung, confidence } = root;
  const { verified } = workspace.condition(service);
  const facts = Object.entries(failure.facts ?? {}).map(([fact, value]) => ({
    fact: fact.replaceAll("_", " "),
    value: typeof value === "object" ? value.join(", ") : String(value),
    source: rung,
  }));
  const history = verified
    ? [{ fact: "last ready", value: isoInZone(verified.atMs, client.hello.timeZone), source: "recorder" }]
    : [];
  const evidence = [
    {
      fact: "checked",
      value: failure.message,
      source: "fresh dial",
      at: isoInZone(clock.nowMs(), client.hello.timeZone),
    },
    ...facts,
    ...history,
  ];
  return { code: failure.code, rung, service, message: failure.message, confidence, evidence };
}

const briefCause = ({ service, rung, failure }: Cause): object => ({
  code: failure.code,
  rung,
  service,
  message: failure.message,
});

const contributing = ({ service, failure }: Cause): object => ({
  code: failure.code,
  service,
  message: failure.message,
});

function untrustedOf({ untrusted }: Failure): object {
  return untrusted === undefined ? {} : { untrusted: { source: "what the other side said", text: untrusted } };
}

function userSteps(failure: Failure): Pick<Answer, "user_steps"> {
  const steps = remediesFor(failure);
  return steps.length > 0 ? { user_steps: steps.slice(0, 3) } : {};
}

function nextSteps({ service, failure }: Cause): NextStep[] {
  const owner = failure.facts?.["owner_service"];
  if (failure.code === "local_port_in_use" && owner !== undefined) {
    return [
      {
        tool: "start_environment",
        arguments: { services: [service], replace: true },
        why: `stops ${String(owner)}, which holds the port`,
      },
    ];
  }
  if (errorCatalogue[failure.code].retryable) {
    return [
      { tool: "wait_for", arguments: { service, state: "ready" }, why: "it comes back by itself when its cause goes" },
    ];
  }
  return [{ tool: "control_service", arguments: { service, action: "start" }, why: "after its cause is mended" }];
}

function healthyAnswer(
  workspace: Workspace,
  service: string,
  own: LadderWalk,
  notes: readonly string[],
  { others }: Inference,
): Answer {
  const { state } = workspace.condition(service);
  const proof = own.probe?.ok ? ` (${own.probe.by})` : "";
  const running = state === "ready";
  const stopped = state === "stopped";
  const summary = stopped
    ? `${service} is stopped; its way and its target are fine${proof}.`
    : `${service} is fine${proof}${running ? "" : `; it shows ${state} and should be ready at its next check`}.`;
  return {
    summary: [...notes, summary].join(" "),
    service,
    status: "healthy",
    healthy: true,
    side: "none",
    ...(others.length > 0 && { other_causes: others.slice(0, shownOthers).map((cause) => briefCause(cause)) }),
    ladder: own.ladder,
    next_steps: stopped
      ? [{ tool: "control_service", arguments: { service, action: "start" }, why: "it is stopped" }]
      : [],
  };
}
