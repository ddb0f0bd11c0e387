import { infer, type Cause, type Inference } from "#domain/diagnosis/inference.ts";
import type { LadderWalk } from "../diagnostics/walk-ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { DiagnoseArgs } from "../surface/use-cases.ts";
import { briefCause, causeFields, causeSteps, causeSummary, untrustedOf, userSteps } from "./cause-fields.ts";
import { diagnoseAll } from "./diagnose-all.ts";
import { requireWorkspace, selectService } from "./scope.ts";
import { shownOthers, walkWithDependencies, type DiagnoseDependencies } from "./walks.ts";

/** Says why a service fails, or ranks the causes over an environment. Changes nothing. */
export async function diagnose(deps: DiagnoseDependencies, args: DiagnoseArgs, context: CallContext): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, context.client);
  if (args.service === undefined) return diagnoseAll(deps, workspace, args, context);
  const notes: string[] = [];
  const service = selectService(workspace, args.service, true, notes);
  const { own, walk } = await walkWithDependencies(deps, workspace, service, new Map(), context);
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
    next_steps: causeSteps(workspace, root),
  };
}

const contributing = ({ service, failure }: Cause): object => ({
  code: failure.code,
  service,
  message: failure.message,
});

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
