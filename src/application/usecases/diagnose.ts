import { infer, type Cause, type Inference } from "#domain/diagnosis/inference.ts";
import { ladderOf } from "#domain/diagnosis/ladder.ts";
import type { Examination } from "../diagnostics/examine.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";
import type { DiagnoseArgs } from "../surface/use-cases.ts";
import {
  briefCause,
  causeFields,
  causeSteps,
  causeSummary,
  changedBefore,
  untrustedOf,
  userSteps,
} from "./cause-fields.ts";
import { diagnoseAll } from "./diagnose-all.ts";
import { diagnoseFile, staleNote } from "./diagnose-file.ts";
import { allFacts, ruledOut } from "./fact-fields.ts";
import { requireWorkspace, selectService } from "./scope.ts";
import { wayWarnings } from "./way-warnings.ts";
import { yourTraffic } from "./your-traffic.ts";
import { shownOthers, walkWithDependencies, type DiagnoseDependencies } from "./walks.ts";

/** Says why a service fails, or ranks the causes over an environment. Changes nothing. */
export async function diagnose(deps: DiagnoseDependencies, args: DiagnoseArgs, context: CallContext): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, context.client);
  if (workspace.services.length === 0) {
    const invalid = diagnoseFile(workspace);
    if (invalid) return invalid;
  }
  if (args.service === undefined) return diagnoseAll(deps, workspace, args, context);
  const notes: string[] = staleNote(workspace);
  const service = selectService(workspace, args.service, true, notes);
  const full = args.detail === "full";
  const { own, walk } = await walkWithDependencies(
    deps,
    workspace,
    service,
    new Map(),
    context,
    full ? "fully" : "anew",
  );
  const inference = infer(walk);
  const { root } = inference;
  const everything = full
    ? { facts: allFacts(own.facts, context.client.hello.timeZone), ruled_out: ruledOut(own) }
    : {};
  if (!root) return { ...healthyAnswer(workspace, service, own, notes, inference), ...everything };
  const status = statusOf(inference);
  if (own.probe?.ok && own.unsteady) notes.push("It answers at this moment, and does not stay so.");
  const changes = changedBefore(deps, workspace, root, context);
  return {
    summary: [...notes, causeSummary(service, root, status, inference.others)].join(" "),
    service,
    status,
    healthy: false,
    side: root.side,
    root_cause: causeFields(root, context, full),
    ...(inference.symptoms.length > 0 && { contributing: inference.symptoms.map((symptom) => contributing(symptom)) }),
    ...(inference.others.length > 0 && {
      other_causes: inference.others.slice(0, shownOthers).map((cause) => briefCause(cause)),
    }),
    ...(status === "unknown" && { ruled_out: ruledOut(own) }),
    ...everything,
    ladder: ladderOf(technologyOf(workspace, service), own.ladder, ownCauses(service, inference), own.facts),
    ...(changes.length > 0 && { changed_before: changes }),
    ...yourTraffic(deps, workspace, service),
    ...(own.via !== undefined && { via: own.via }),
    ...wayWarnings(workspace, [service]),
    ...untrustedOf(root),
    ...userSteps(workspace, root),
    next_steps: causeSteps(workspace, root),
  };
}

/** What says no more than that there was no answer, or that it is our own defect, is no cause. */
const noCause: ReadonlySet<string> = new Set(["operation_timed_out", "internal_error", "cancelled"]);

function statusOf({ root, others }: Inference): "found" | "several" | "unknown" {
  if (root && noCause.has(root.failure.code)) return "unknown";
  return others.length > 0 ? "several" : "found";
}

const technologyOf = (workspace: Workspace, service: string): "kubernetes" | "ssh" =>
  workspace.declaration(service)?.spec?.technology ?? "ssh";

const ownCauses = (service: string, { root, symptoms, others }: Inference): Cause[] =>
  [...(root ? [root] : []), ...symptoms, ...others].filter((cause) => cause.service === service);

const contributing = ({ service, failure }: Cause): object => ({
  code: failure.code,
  service,
  message: failure.message,
});

function healthyAnswer(
  workspace: Workspace,
  service: string,
  own: Examination,
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
    ...wayWarnings(workspace, [service]),
    next_steps: stopped
      ? [{ tool: "control_service", arguments: { service, action: "start" }, why: "it is stopped" }]
      : [],
  };
}
