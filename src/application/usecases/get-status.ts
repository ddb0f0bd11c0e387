import { environmentState, type ServiceCondition, type ServiceState } from "#domain/service-state.ts";
import { isoInZone } from "#domain/time.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { GetStatusArgs } from "../surface/use-cases.ts";
import { clusterMetadata, type MetadataDependencies } from "./cluster-metadata.ts";
import { connectionRows } from "./connection-rows.ts";
import { configurationFindings, findingSentence, generationOf } from "./configuration-findings.ts";
import { lastReady } from "./moments.ts";
import { expiring, flakyServices, lastDay } from "./status-parts.ts";
import { openPlanRows } from "./plan-answer.ts";
import { select, shownPath, anyWorkspaceOf, type UseCaseDependencies } from "./scope.ts";
import { ageSeconds, endpointOf, placeOf, variablesOf } from "./service-row.ts";
import { wayWarnings } from "./way-warnings.ts";

// What follows keeps a hundred services in 1,500 tokens.
/** So many broken services are told one by one, the first of them with their sentences; the rest are counted. */
const shownNotReady = 20;
const toldNotReady = 5;
const longestMessage = 200;
/** With more rows than this, what verified each is left to a question about it. */
const rowsWithProof = 25;

export type StatusDependencies = UseCaseDependencies & { readonly cluster?: MetadataDependencies };

/** The truth table of a workspace. Changes nothing; a unique near miss of a name is taken, and said. */
export async function getStatus(deps: StatusDependencies, args: GetStatusArgs, context: CallContext): Promise<Answer> {
  const workspace = await anyWorkspaceOf(deps.engine, context.client);
  if (!workspace) return emptyStatus(deps, context);
  const { services, environment, notes } = select(workspace, args, true);
  const shown =
    args.environment === undefined && args.services === undefined ? withWanted(workspace, services) : services;
  const stateOf = (service: string): ServiceState => workspace.condition(service).state;
  const ready = shown.filter((service) => stateOf(service) === "ready");
  const stopped = shown.filter((service) => stateOf(service) === "stopped");
  const notReady = shown.filter((service) => !ready.includes(service) && !stopped.includes(service));
  const state = environmentState(shown.map(stateOf));
  const { include = [] } = args;
  const env = include.includes("env") ? variablesOf(workspace, shown) : [];
  return {
    summary: `${statusSummary(workspace, environment?.name ?? "services", shown, notes)}${findingSentence(deps, workspace)}`,
    state,
    ...(environment && { environment: environment.name }),
    ...generationOf(deps, workspace),
    workspace: shownPath(workspace.path, context.client.hello.env["HOME"]),
    at: isoInZone(deps.clock.nowMs(), context.client.hello.timeZone),
    ...configurationFindings(deps, workspace),
    ...(notReady.length > 0 && {
      not_ready: notReady
        .slice(0, shownNotReady)
        .map((service, index) =>
          index < toldNotReady
            ? notReadyRow(deps, workspace, service, context)
            : briefRow(deps, workspace.condition(service), service),
        ),
    }),
    ...(notReady.length > shownNotReady && { not_ready_total: notReady.length }),
    ...(ready.length > 0 && { ready: readyTable(deps, workspace, ready) }),
    ...(stopped.length > 0 && { stopped }),
    ...adHocOf(workspace, shown),
    ...(env.length > 0 && { env }),
    ...(include.includes("expiring") && { expiring: expiring(deps, workspace, context.client.hello.timeZone) }),
    ...(include.includes("flaky") && { flaky: flakyServices(deps, workspace) }),
    ...wayWarnings(workspace, shown),
    ...(include.includes("metadata") && {
      metadata: [...(await metadataOf(deps, workspace, shown, context)), ...connectionRows(workspace, shown)],
    }),
    ...(include.includes("plans") && { plans: openPlanRows(deps, workspace.path) }),
    ...(include.includes("workspaces") && { workspaces: workspacesOf(deps) }),
    clients: deps.clients
      .names(workspace.path)
      .map(({ id, name }) => (id === context.client.hello.id ? `${name} (this)` : name)),
    next_steps: nextSteps(workspace, notReady, stopped.length === shown.length && shown.length > 0),
  };
}

/** What no file declares: it was asked for by `connect`. */
function adHocOf(workspace: Workspace, shown: readonly string[]): { readonly ad_hoc?: string[] } {
  const names = shown.filter((name) => workspace.isAdHoc(name));
  return names.length === 0 ? {} : { ad_hoc: names };
}

async function metadataOf(
  { cluster, clock }: StatusDependencies,
  workspace: Workspace,
  services: readonly string[],
  { signal }: CallContext,
): Promise<object[]> {
  return cluster ? clusterMetadata(cluster, workspace, services, clock.nowMs(), signal) : [];
}

/** What somebody wants up is always shown, whichever environment it came from. */
function withWanted(workspace: Workspace, services: readonly string[]): string[] {
  const wanted = workspace.services.map(({ name }) => name).filter((name) => workspace.isWanted(name));
  return [...new Set([...services, ...wanted])];
}

function statusSummary(
  workspace: Workspace,
  title: string,
  services: readonly string[],
  notes: readonly string[],
): string {
  const count = new Map<ServiceState, number>();
  for (const service of services) {
    const { state } = workspace.condition(service);
    count.set(state, (count.get(state) ?? 0) + 1);
  }
  const others = (["starting", "waiting", "failed", "stopped"] as const)
    .filter((state) => count.has(state))
    .map((state) => `, ${count.get(state)} ${state}`);
  const file =
    workspace.problems.length > 0
      ? " The configuration file is invalid or gone; the last valid reading is in force."
      : "";
  if (services.length === 0) return [...notes, `${title}: the configuration has no enabled service.${file}`].join(" ");
  return [...notes, `${title}: ${count.get("ready") ?? 0} of ${services.length} ready${others.join("")}.${file}`].join(
    " ",
  );
}

function notReadyRow(
  deps: UseCaseDependencies,
  workspace: Workspace,
  service: string,
  { client }: CallContext,
): object {
  const { state, failure, sinceMs } = workspace.condition(service);
  const ready = lastReady(deps, workspace, service);
  const endpoint = endpointOf(workspace, service);
  return {
    service,
    state,
    ...(failure && { code: failure.code, message: clip(failure.message) }),
    ...(sinceMs !== undefined && { since_s: ageSeconds(sinceMs, deps.clock.nowMs()) }),
    ...(endpoint !== undefined && { endpoint }),
    ...(ready && { last_ready: isoInZone(ready.atMs, client.hello.timeZone) }),
  };
}

const briefRow = (
  { clock }: UseCaseDependencies,
  { state, failure, sinceMs }: ServiceCondition,
  service: string,
): object => ({
  service,
  state,
  ...(failure && { code: failure.code }),
  ...(sinceMs !== undefined && { since_s: ageSeconds(sinceMs, clock.nowMs()) }),
});

const clip = (message: string): string =>
  message.length <= longestMessage ? message : `${message.slice(0, longestMessage)}…`;

function readyTable(deps: UseCaseDependencies, workspace: Workspace, services: readonly string[]): object {
  const nowMs = deps.clock.nowMs();
  const days = lastDay(deps, workspace);
  const proof = services.length <= rowsWithProof;
  const rows = services.map((service) => {
    const { verified } = workspace.condition(service);
    return [
      service,
      placeOf(workspace, service),
      verified ? ageSeconds(verified.atMs, nowMs) : 0,
      ...(proof ? [verified?.by ?? ""] : []),
      days.get(service)?.drops ?? 0,
    ];
  });
  return { columns: ["service", "port", "verified_s", ...(proof ? ["verified_by"] : []), "drops_24h"], rows };
}

function workspacesOf({ engine }: UseCaseDependencies): object[] {
  return [...engine.workspaces()].map((workspace) => {
    const runtimes = [...workspace.runtimes()];
    const up = runtimes.filter((runtime) => runtime.wanted).map((runtime) => runtime.spec.name);
    return { workspace: workspace.path, services: runtimes.length, ...(up.length > 0 && { wanted: up }) };
  });
}

function nextSteps(workspace: Workspace, notReady: readonly string[], idle: boolean): NextStep[] {
  if (idle) return [{ tool: "start_environment", arguments: {}, why: "nothing is running" }];
  return notReady
    .filter((service) => workspace.condition(service).failure !== undefined)
    .slice(0, 3)
    .map((service) => ({
      tool: "diagnose",
      arguments: { service },
      why: `${service}: ${workspace.condition(service).failure?.code}`,
    }));
}

function emptyStatus(deps: UseCaseDependencies, { client }: CallContext): Answer {
  return {
    summary: `No portwright.yaml (or localport.yaml) in ${client.hello.cwd} or above it: nothing is declared, nothing runs.`,
    state: "idle",
    ...([...deps.engine.workspaces()].length > 0 && { workspaces: workspacesOf(deps) }),
    next_steps: [{ tool: "start_environment", arguments: {}, why: "says how to begin" }],
  };
}
