import { ConnectivityError } from "#domain/connectivity-error.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import { environmentState } from "#domain/service-state.ts";
import { humanDuration } from "#domain/time.ts";
import { invalidConfiguration } from "../engine/configuration-problems.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { StartEnvironmentArgs } from "../surface/use-cases.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import { proposeEnvironment, saysWhatItNeeds, type ProposeDependencies } from "./propose-environment.ts";
import { refuseDisabled, select, workspaceOf, shownPath, type Selection } from "./scope.ts";
import { serviceRow, variablesOf } from "./service-row.ts";
import { settle } from "./settle.ts";
import { takePorts } from "./take-ports.ts";
import { whereabouts } from "./whereabouts.ts";

/** Clients cut a call after 60 s, and we promise 25: what takes longer goes on behind an `operation`. */
const answerWithinMs = 20_000;
const shownFailures = 3;

/** Brings an environment (or named services) up in dependency order and verifies each. Idempotent. */
export async function startEnvironment(
  deps: ProposeDependencies,
  args: StartEnvironmentArgs,
  context: CallContext,
): Promise<Answer> {
  const { engine, clock, operations } = deps;
  const startedMs = clock.monotonicMs();
  const workspace = await workspaceOf(engine, context.client);
  const open = args.environment === undefined && args.services === undefined;
  // The workspace that was used last is not what a project of its own means.
  if (!workspace || (context.client.borrowed && open && (await saysWhatItNeeds(deps, context))))
    return proposeEnvironment(deps, context);
  refuseInvalid(workspace);
  const selection = select(workspace, args, false);
  refuseEmpty(workspace, selection);
  for (const service of args.services ? selection.services : []) refuseDisabled(workspace, service);
  await takePorts(deps, workspace, selection.services, args, context);
  const { id, name } = context.client.hello;
  const holder = { clientId: id, clientName: deps.clients.nameOf(id) ?? name };
  const order = await engine.start(workspace, selection.services, holder);
  for (const service of order) workspace.runtime(service)?.retry();
  const settled = await settle(deps, workspace, order, answerWithinMs, context);
  const environment = selection.environment?.name;
  const operation = settled
    ? undefined
    : operations.begin({
        workspace: workspace.path,
        services: order,
        ...(environment !== undefined && { environment }),
      });
  const state = environmentState(order.map((service) => workspace.condition(service).state));
  const took = humanDuration(clock.monotonicMs() - startedMs);
  const env = variablesOf(workspace, order);
  const steps = distinct(order.flatMap((service) => remediesOf(workspace, service)));
  return {
    summary: startSummary(workspace, environment ?? "services", order, took),
    // An environment in which everything is stopped cannot come out of a start.
    state: state === "idle" ? "failed" : state,
    ...(environment !== undefined && { environment }),
    workspace: shownPath(workspace.path, context.client.hello.env["HOME"]),
    services: order.map((service) => serviceRow(deps, workspace, service, context)),
    ...(env.length > 0 && { env }),
    ...(operation && { operation: operation.id }),
    ...(steps.length > 0 && { user_steps: steps.slice(0, shownFailures) }),
    next_steps: nextSteps(workspace, order, operation?.id),
  };
}

/** A file that was changed into something invalid must not look as if it were in force. */
function refuseInvalid(workspace: Workspace): void {
  if (workspace.problems.length === 0) return;
  // Without a reading that was ever valid, this throws by itself.
  const { path } = workspace.configuration;
  throw invalidConfiguration(path, workspace.problems, "the last valid reading still runs");
}

/** "0 of 0 ready" would say neither that it worked nor what to do. */
function refuseEmpty({ configuration }: Workspace, { services, environment }: Selection): void {
  if (services.length > 0) return;
  const { path } = configuration;
  throw new ConnectivityError(
    "config_invalid",
    configuration.services.length === 0
      ? `${path} declares no services; declare them under services:`
      : `${environment?.name ?? "the list"} names no service that is switched on; add one in ${path}`,
    { file: path, ...(environment && { environment: environment.name }) },
  );
}

function startSummary(workspace: Workspace, title: string, services: readonly string[], took: string): string {
  const conditions = services.map((service) => ({ service, ...workspace.condition(service) }));
  const ready = conditions.filter(({ state }) => state === "ready").length;
  const causes = conditions
    .filter(({ state, failure }) => state !== "ready" && failure && failure.code !== "dependency_failed")
    .slice(0, shownFailures)
    .map(
      ({ service, state, failure }) => ` ${service} ${state === "waiting" ? "waits" : "failed"}: ${failure?.message}.`,
    );
  return `${title}: ${ready} of ${services.length} ready in ${took}.${causes.join("")}`;
}

function remediesOf(workspace: Workspace, service: string): ReturnType<typeof remediesFor> {
  const { state, failure } = workspace.condition(service);
  return state !== "ready" && failure ? remediesFor(failure, whereabouts(workspace, service)) : [];
}

function nextSteps(workspace: Workspace, services: readonly string[], operation: string | undefined): NextStep[] {
  const steps: NextStep[] = [];
  if (operation !== undefined) steps.push({ tool: "wait_for", arguments: { operation }, why: "it is still starting" });
  for (const service of services) {
    const { state, failure } = workspace.condition(service);
    if (state === "ready" || !failure) continue;
    if (failure.code === "dependency_failed") {
      const root = String(failure.facts?.["root_service"]);
      if (services.includes(root) || workspace.isWanted(root)) continue;
      steps.push({ tool: "start_environment", arguments: { services: [root] }, why: `${service} waits for it` });
      continue;
    }
    if (state === "waiting") {
      steps.push({
        tool: "wait_for",
        arguments: { service, state: "ready" },
        why: `${service} comes back by itself when its cause goes`,
      });
    } else {
      steps.push({ tool: "diagnose", arguments: { service }, why: `${service}: ${failure.code}` });
    }
  }
  return steps.slice(0, shownFailures);
}

/** Ten services behind one host have one thing to be done about it. */
const distinct = <T>(steps: readonly T[]): T[] => [
  ...new Map(steps.map((step) => [JSON.stringify(step), step])).values(),
];
