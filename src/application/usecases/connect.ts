import { ConnectivityError } from "#domain/connectivity-error.ts";
import { remediesFor } from "#domain/diagnosis/remedies.ts";
import {
  adHocDeclaration,
  adHocName,
  leadsTo,
  namesService,
  type ForwardedHandle,
} from "#domain/discovery/ad-hoc-service.ts";
import { humanDuration } from "#domain/time.ts";
import { findTarget, type Meant } from "../discovery/find-target.ts";
import { filelessWorkspace } from "../engine/ad-hoc-services.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import { cleanName } from "../surface/untrusted.ts";
import type { ConnectArgs } from "../surface/use-cases.ts";
import { connectLocally, type LocalConnectDependencies } from "./connect-locally.ts";
import { targetRow, unreadableRow, type DiscoverDependencies } from "./discover-targets.ts";
import type { UseCaseDependencies } from "./scope.ts";
import { serviceRow, variablesOf } from "./service-row.ts";
import { settle } from "./settle.ts";
import { whereabouts } from "./whereabouts.ts";

export type ConnectDependencies = UseCaseDependencies & DiscoverDependencies & LocalConnectDependencies;

/** What stays of the 25 s of a call after the search. */
const settleWithinMs = 9000;
const shownSteps = 3;

/**
 * Connects to what is meant: finds it, forwards it by a service that no file declares, and verifies its protocol. What
 * several fit is told and not connected; what the file declares already is started.
 */
export async function connect(deps: ConnectDependencies, args: ConnectArgs, context: CallContext): Promise<Answer> {
  const { client, signal } = context;
  if (client.error) throw new ConnectivityError(client.error.code, client.error.message, client.error.facts);
  const workspace = await deps.engine.workspace(client.workspace ?? filelessWorkspace);
  const declared = workspace.services.find(({ name }) => namesService(args.target, name));
  if (declared !== undefined && args.context === undefined && args.namespace === undefined && args.port === undefined)
    return bringUp(deps, workspace, declared.name, undefined, context);
  context.progress("looking for it");
  const folder = client.hello.cwd;
  const meant = await findTarget(deps, args, folder, deps.access(workspace.path), signal);
  if (meant.kind === "several") return ambiguous(args, meant);
  const { handle, port, protocol } = meant;
  if (handle.kind === "local" || handle.kind === "compose") {
    if (typeof port === "number") return connectLocally(deps, handle, port, protocol, workspace, context);
    throw new ConnectivityError("invalid_arguments", "what listens here has no names of ports", { argument: "port" });
  }
  const name = nameFor(workspace, args, handle, port);
  if (!leadsThere(workspace, name, handle, port) || args.local_port !== undefined)
    await workspace.declareAdHoc(adHocDeclaration(name, handle, port, args.local_port ?? 0, protocol));
  const answer = await bringUp(deps, workspace, name, meant, context);
  const failure = workspace.condition(name).failure;
  if (protocol === undefined || failure?.code !== "protocol_mismatch") return answer;
  // What its port or name promised is not what answers: it is a connection all the same.
  await workspace.declareAdHoc(adHocDeclaration(name, handle, port, args.local_port ?? 0, undefined, { type: "tcp" }));
  return bringUp(
    deps,
    workspace,
    name,
    meant,
    context,
    `It does not speak ${protocol.name}: verified as a plain connection.`,
  );
}

/** The one that leads there already, whatever it is called; else a name of its own. */
function nameFor(workspace: Workspace, { name }: ConnectArgs, handle: ForwardedHandle, port: number | string): string {
  const same = workspace.services.find((service) => leadsThere(workspace, service.name, handle, port));
  if (same !== undefined && (name === undefined || name === same.name)) return same.name;
  if (name === undefined) return adHocName(handle, (taken) => workspace.declaration(taken) !== undefined);
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name))
    throw new ConnectivityError("invalid_arguments", "name may hold letters, digits, - and _", { argument: "name" });
  if (workspace.declaration(name) === undefined || workspace.isAdHoc(name)) return name;
  throw new ConnectivityError("invalid_arguments", `the configuration declares ${name} already; give another name`, {
    argument: "name",
  });
}

function leadsThere(workspace: Workspace, name: string, handle: ForwardedHandle, port: number | string): boolean {
  const spec = workspace.declaration(name)?.spec;
  return spec !== undefined && leadsTo(spec, handle, port);
}

async function bringUp(
  deps: ConnectDependencies,
  workspace: Workspace,
  name: string,
  meant: Extract<Meant, { kind: "one" }> | undefined,
  context: CallContext,
  note?: string,
): Promise<Answer> {
  const { engine, clients, clock } = deps;
  const startedMs = clock.monotonicMs();
  const { id, name: clientName } = context.client.hello;
  const order = await engine.start(workspace, [name], { clientId: id, clientName: clients.nameOf(id) ?? clientName });
  for (const service of order) workspace.runtime(service)?.retry();
  const settled = await settle(deps, workspace, order, settleWithinMs, context);
  const row = serviceRow(deps, workspace, name, context);
  const { state: shown, failure } = workspace.condition(name);
  const state = shown === "ready" ? "ready" : settled && failure ? "failed" : "starting";
  const env = variablesOf(workspace, [name]);
  const steps =
    failure && state !== "ready" ? remediesFor(failure, whereabouts(workspace, name)).slice(0, shownSteps) : [];
  return {
    summary: [summaryOf(workspace, name, state, row, humanDuration(clock.monotonicMs() - startedMs)), note]
      .filter((part) => part !== undefined)
      .join(" "),
    ...row,
    state,
    ...(meant && { target: meant.match?.target.target ?? targetText(meant) }),
    ...(meant?.match && { found_by: meant.match.why }),
    saved: !workspace.isAdHoc(name),
    ...(env.length > 0 && { env }),
    ...(steps.length > 0 && { user_steps: steps }),
    next_steps: nextSteps(name, state, failure?.code),
  };
}

const targetText = ({ handle, port }: Extract<Meant, { kind: "one" }>): string => {
  switch (handle.kind) {
    case "kubernetes":
      return `${handle.context}/${handle.namespace}/${handle.resourceType}/${handle.resourceName}:${port}`;
    case "ssh":
      return `ssh/${handle.host}:${port}`;
    default:
      return `127.0.0.1:${port}`;
  }
};

function summaryOf(
  workspace: Workspace,
  name: string,
  state: string,
  row: Readonly<Record<string, unknown>>,
  took: string,
): string {
  const { verified, failure } = workspace.condition(name);
  const where = typeof row["endpoint"] === "string" ? ` at ${row["endpoint"]}` : "";
  if (state === "ready") return `${name} is ready${where} (${verified?.by ?? "verified"}, ${took}).`;
  if (state === "starting") return `${name} is still starting${where}.`;
  return `${name} is not reached: ${failure?.message ?? "it failed"}.`;
}

function nextSteps(name: string, state: string, code: string | undefined): NextStep[] {
  if (state === "ready") return [];
  if (state === "starting")
    return [{ tool: "wait_for", arguments: { service: name, state: "ready" }, why: "it is still starting" }];
  return [
    { tool: "diagnose", arguments: { service: name }, why: `${name}: ${code ?? "failed"}` },
    {
      tool: "stop_environment",
      arguments: { services: [name] },
      why: "if it is not wanted any more: it is tried again",
    },
  ];
}

function ambiguous({ target, local_port, name }: ConnectArgs, meant: Extract<Meant, { kind: "several" }>): Answer {
  const { candidates, unreadable } = meant;
  const more = { ...(local_port !== undefined && { local_port }), ...(name !== undefined && { name }) };
  return {
    summary: `${candidates.length} targets fit '${cleanName(target, 100)}'; nothing was connected. Which one?`,
    state: "ambiguous",
    candidates: candidates.map(targetRow),
    ...(unreadable.length > 0 && { unreadable: unreadable.slice(0, 5).map(unreadableRow) }),
    next_steps: candidates
      .filter(({ target: candidate }) => candidate.port !== undefined)
      .slice(0, shownSteps)
      .map(({ target: candidate, why }) => ({
        tool: "connect",
        arguments: { target: candidate.target, ...more },
        why: `fits by its ${why}`,
      })),
  };
}
