import { basename } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { foldName, nearestName } from "#domain/names.ts";
import type { EnvironmentSpec } from "#domain/spec/environment.ts";
import type { ClientSession } from "../client.ts";
import type { Clients } from "../clients.ts";
import { filelessWorkspace } from "../engine/ad-hoc-services.ts";
import type { Engine } from "../engine/engine.ts";
import { invalidConfiguration } from "../engine/configuration-problems.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Configurations } from "../plans/configurations.ts";
import type { PlanDependencies } from "../plans/plan-dependencies.ts";
import type { Clock } from "../ports/clock.ts";
import type { Recorder } from "../history/recorder.ts";
import type { Operations } from "./operations.ts";

/** What the use cases work with. */
export interface UseCaseDependencies {
  readonly engine: Engine;
  readonly clients: Clients;
  readonly clock: Clock;
  readonly operations: Operations;
  readonly recorder: Recorder;
  readonly plan: PlanDependencies;
  readonly configurations: Configurations;
}

/** Names of services, and the environment that they came from when one was asked for. */
export interface Selection {
  readonly services: readonly string[];
  readonly environment?: EnvironmentSpec;
  /** What was guessed, to be said in the answer. */
  readonly notes: readonly string[];
}

export interface SelectionArguments {
  readonly environment?: string | undefined;
  readonly services?: readonly string[] | undefined;
}

/** The client's workspace; `undefined` when it has no configuration file. @throws ConnectivityError `config_not_found`, `config_invalid` */
export async function workspaceOf(engine: Engine, client: ClientSession): Promise<Workspace | undefined> {
  if (client.error) throw new ConnectivityError(client.error.code, client.error.message, client.error.facts);
  if (client.workspace === undefined) return undefined;
  return engine.workspace(client.workspace);
}

/** The same; for a client without a file the workspace of its ad hoc connections, when there are any. */
export async function anyWorkspaceOf(engine: Engine, client: ClientSession): Promise<Workspace | undefined> {
  const workspace = await workspaceOf(engine, client);
  if (workspace) return workspace;
  const fileless = await engine.workspace(filelessWorkspace);
  return fileless.services.length > 0 ? fileless : undefined;
}

/** The same, where nothing can be done without one. */
export async function requireWorkspace(engine: Engine, client: ClientSession): Promise<Workspace> {
  const workspace = await anyWorkspaceOf(engine, client);
  if (workspace) return workspace;
  throw new ConnectivityError("config_not_found", `no portwright.yaml in ${client.hello.cwd} or above it`, {
    cwd: client.hello.cwd,
  });
}

/** `mayGuess`: a reading tool may take a unique near miss, and says so; a changing one never does. */
export function select(workspace: Workspace, args: SelectionArguments, mayGuess: boolean): Selection {
  const notes: string[] = [];
  const { environments } = workspace.configuration;
  if (args.services !== undefined) {
    const names = workspace.services.map((service) => service.name);
    const services = args.services.map((asked) => resolveName("service", asked, names, mayGuess, notes));
    return { services: [...new Set(services)], notes };
  }
  const environment =
    args.environment === undefined
      ? defaultEnvironment(environments)
      : findEnvironment(environments, args.environment, mayGuess, notes);
  return { services: environment?.services ?? enabledServices(workspace), ...(environment && { environment }), notes };
}

/** One service by its name as people write it. @throws ConnectivityError `unknown_service` with the nearest names */
export function selectService(workspace: Workspace, asked: string, mayGuess: boolean, notes: string[] = []): string {
  // A file that never could be read declares nothing: that is what is wrong, and not the name.
  const { problems, services } = workspace;
  if (services.length === 0 && problems.length > 0) throw invalidConfiguration(workspace.path, problems);
  const names = workspace.services.map((service) => service.name);
  return resolveName("service", asked, names, mayGuess, notes);
}

/** @throws ConnectivityError `service_disabled`: who asks for it by name is told, and not left with a stopped service */
export function refuseDisabled(workspace: Workspace, service: string): void {
  if (workspace.declaration(service)?.spec?.enabled !== false) return;
  throw new ConnectivityError("service_disabled", `service ${service} is switched off (enabled: false)`, { service });
}

/** The one that is declared so, else the first that is not production. */
function defaultEnvironment(environments: readonly EnvironmentSpec[]): EnvironmentSpec | undefined {
  return (
    environments.find((environment) => environment.default) ??
    environments.find((environment) => !environment.production) ??
    environments[0]
  );
}

const enabledServices = (workspace: Workspace): string[] =>
  workspace.configuration.services.filter(({ spec }) => spec?.enabled !== false).map(({ name }) => name);

/** "dev" also means the one environment that is not production. */
function findEnvironment(
  environments: readonly EnvironmentSpec[],
  asked: string,
  mayGuess: boolean,
  notes: string[],
): EnvironmentSpec {
  const names = environments.map((environment) => environment.name);
  const development = environments.filter((environment) => !environment.production);
  const meansDevelopment = ["dev", "development"].includes(foldName(asked));
  if (meansDevelopment && !names.some((name) => foldName(name) === foldName(asked))) {
    const only = defaultEnvironment(development);
    if (only) return only;
  }
  const name = resolveName("environment", asked, names, mayGuess, notes);
  return environments.find((environment) => environment.name === name) as EnvironmentSpec;
}

function resolveName(
  kind: "service" | "environment",
  asked: string,
  names: readonly string[],
  mayGuess: boolean,
  notes: string[],
): string {
  if (names.includes(asked)) return asked;
  const same = names.filter((name) => foldName(name) === foldName(asked));
  if (same.length === 1 && same[0] !== undefined) return same[0];
  const nearest = nearestName(asked, names);
  if (mayGuess && nearest !== undefined && same.length === 0) {
    notes.push(`There is no ${kind} ${asked}; this is about ${nearest}.`);
    return nearest;
  }
  const known = names.slice(0, 20);
  const hint = nearest === undefined ? `there are: ${known.join(", ") || "none"}` : `did you mean ${nearest}?`;
  throw new ConnectivityError(
    kind === "service" ? "unknown_service" : "unknown_environment",
    `there is no ${kind} ${asked.slice(0, 80)}; ${hint}`,
    {
      known,
      ...(nearest !== undefined && { nearest }),
    },
  );
}

/** The file as people know it: from the home folder, or its name alone. */
export function shownPath(path: string, homeDir: string | undefined): string {
  if (path === filelessWorkspace) return "no file";
  if (homeDir !== undefined && path.startsWith(`${homeDir}/`)) return `~${path.slice(homeDir.length)}`;
  return path.startsWith("/") ? path : basename(path);
}
