import { ConnectivityError } from "#domain/connectivity-error.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { ControlServiceArgs } from "../surface/use-cases.ts";
import { refuseDisabled, requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";
import { serviceRow } from "./service-row.ts";
import { settle } from "./settle.ts";
import { whereabouts } from "./whereabouts.ts";

const answerWithinMs = 20_000;

/** Starts, stops, restarts or reconnects one service. */
export async function controlService(
  deps: UseCaseDependencies,
  args: ControlServiceArgs,
  context: CallContext,
): Promise<Answer> {
  const { engine, clients } = deps;
  const workspace = await requireWorkspace(engine, context.client);
  const service = selectService(workspace, args.service, false);
  const { id, name } = context.client.hello;
  const holder = { clientId: id, clientName: clients.nameOf(id) ?? name };
  if (args.action !== "stop") refuseDisabled(workspace, service);
  const others = engine.othersWanting(workspace, service, id);
  // A refused restart leaves everything as it was, our own lease as well.
  if (args.action === "restart" && others.length > 0) throw heldByOthers(service, others);
  if (args.action === "stop" || args.action === "restart") {
    const { kept } = await engine.stop(workspace, [service], holder, false);
    const [held] = kept;
    if (held) throw heldByOthers(service, held.for);
  }
  if (args.action === "stop") {
    return {
      summary: `${service} is stopped.${neededBy(workspace, service)}`,
      service,
      state: "stopped",
      next_steps: [],
    };
  }
  if (args.action === "reconnect") {
    workspace.runtime(service)?.reconnect({ code: "connection_lost", message: "reconnected on request" });
  }
  const order = await engine.start(workspace, [service], holder);
  workspace.runtime(service)?.retry();
  await settle(deps, workspace, order, answerWithinMs, context);
  const { state, failure, verified } = workspace.condition(service);
  const proof = state === "ready" && verified ? ` (${verified.by} in ${verified.durationMs} ms)` : "";
  const cause = state !== "ready" && failure ? `: ${failure.message}` : "";
  const steps = state !== "ready" && failure ? remediesFor(failure, whereabouts(workspace, service)) : [];
  const row = serviceRow(deps, workspace, service, context);
  return {
    summary: `${service} is ${state}${proof}${cause}.`,
    ...row,
    ...(steps.length > 0 && { user_steps: steps }),
    next_steps: nextSteps(service, state),
  };
}

/** Who stays up and needs what was stopped. */
function neededBy(workspace: Workspace, service: string): string {
  const dependents = workspace
    .wantedNames("declared")
    .filter((name) => workspace.declaration(name)?.spec?.dependsOn.includes(service));
  return dependents.length === 0 ? "" : ` ${dependents.join(", ")} depends on it and stays up.`;
}

function nextSteps(service: string, state: string): NextStep[] {
  if (state === "ready") return [];
  if (state === "starting")
    return [{ tool: "wait_for", arguments: { service, state: "ready" }, why: "it is still starting" }];
  return [{ tool: "diagnose", arguments: { service }, why: `${service} is ${state}` }];
}

const heldByOthers = (service: string, others: readonly string[]): ConnectivityError =>
  new ConnectivityError("held_by_other_client", `${service} is wanted by ${others.join(", ")} too, so it stays up`, {
    service,
    clients: others,
  });
