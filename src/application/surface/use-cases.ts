import type { ClientSession } from "../client.ts";
import type { Answer, CallContext } from "./tool-definition.ts";

export interface StartEnvironmentArgs {
  readonly environment?: string | undefined;
  readonly services?: readonly string[] | undefined;
  /** Stop what else this workspace runs on the same ports. */
  readonly replace?: boolean | undefined;
  /** Take a port from another workspace of the same user. */
  readonly take_over?: boolean | undefined;
}

export interface StopEnvironmentArgs {
  readonly environment?: string | undefined;
  readonly services?: readonly string[] | undefined;
  /** Keep these and what they need. */
  readonly except?: readonly string[] | undefined;
  /** Also what another client still wants. */
  readonly force?: boolean | undefined;
}

export type StatusPart = "env" | "expiring" | "flaky" | "metadata" | "plans" | "workspaces";

export interface GetStatusArgs {
  readonly services?: readonly string[] | undefined;
  readonly environment?: string | undefined;
  readonly include?: readonly StatusPart[] | undefined;
}

export interface DiscoverTargetsArgs {
  /** Name, kind or port, as people write it. */
  readonly query?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly kind?: "kubernetes" | "ssh" | "local" | "compose" | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ConnectArgs {
  /** What is meant, or a target of `discover_targets`. */
  readonly target: string;
  readonly context?: string | undefined;
  readonly namespace?: string | undefined;
  readonly port?: number | string | undefined;
  readonly local_port?: number | undefined;
  /** Of the connection. */
  readonly name?: string | undefined;
}

export interface ListSshHostsArgs {
  /** A part of a host's name. */
  readonly query?: string | undefined;
  readonly limit?: number | undefined;
}

export interface InspectSshKeysArgs {
  readonly only?: "problems" | undefined;
}

export interface ControlServiceArgs {
  readonly service: string;
  readonly action: "start" | "stop" | "restart" | "reconnect";
}

export interface DiagnoseArgs {
  readonly service?: string | undefined;
  readonly environment?: string | undefined;
  readonly detail?: "concise" | "full" | undefined;
}

export interface ProbeArgs {
  readonly service?: string | undefined;
  /** `host:port` or a URL, declared or discovered. */
  readonly target?: string | undefined;
  readonly type?: string | undefined;
}

export interface WaitForArgs {
  readonly operation?: string | undefined;
  readonly service?: string | undefined;
  readonly state?: "ready" | "failed" | "stopped" | undefined;
  readonly event?: string | undefined;
  /** Text in a log line. */
  readonly match?: string | undefined;
  /** Seconds, at most 50. */
  readonly timeout_s?: number | undefined;
}

export type QuerySource = "logs" | "link_logs" | "events" | "health" | "connections" | "requests" | "metrics" | "audit";

export interface QueryArgs {
  readonly source: QuerySource;
  readonly service?: string | undefined;
  /** ISO time, clock time of the client, age or `last_ready`; so are `until` and `around`. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly around?: string | undefined;
  readonly match?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export type HistoryKind = "state" | "config" | "cluster" | "credentials" | "network" | "client";

export interface GetHistoryArgs {
  readonly service?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly kind?: readonly HistoryKind[] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** One change that `configure_service` asks for. */
export interface AskedChange {
  readonly service?: string | undefined;
  readonly environment?: string | undefined;
  /** Keys of the file; `null` removes one. */
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  readonly target?: string | undefined;
  readonly add_to?: string | undefined;
}

export interface ConfigureServiceArgs {
  readonly changes?: readonly AskedChange[] | undefined;
  readonly rollback_to?: number | undefined;
}

export interface RemoveServiceArgs {
  readonly service: string;
}

export interface ApplyPlanArgs {
  readonly plan_id: string;
  /** The plan's sentence, word for word. */
  readonly confirm: string;
  readonly only?: readonly string[] | undefined;
}

/**
 * All that the surface (tools, resources, prompts) can ask of the application. Every one answers with a whole `Answer`
 * or rejects with a `ConnectivityError`; those that may take long follow `context.signal` and report progress.
 * The read functions have no call behind them: they must be quick and change nothing.
 */
export interface UseCases {
  startEnvironment(args: StartEnvironmentArgs, context: CallContext): Promise<Answer>;
  stopEnvironment(args: StopEnvironmentArgs, context: CallContext): Promise<Answer>;
  getStatus(args: GetStatusArgs, context: CallContext): Promise<Answer>;
  discoverTargets(args: DiscoverTargetsArgs, context: CallContext): Promise<Answer>;
  connect(args: ConnectArgs, context: CallContext): Promise<Answer>;
  controlService(args: ControlServiceArgs, context: CallContext): Promise<Answer>;
  diagnose(args: DiagnoseArgs, context: CallContext): Promise<Answer>;
  probe(args: ProbeArgs, context: CallContext): Promise<Answer>;
  waitFor(args: WaitForArgs, context: CallContext): Promise<Answer>;
  getHistory(args: GetHistoryArgs, context: CallContext): Promise<Answer>;
  listSshHosts(args: ListSshHostsArgs, context: CallContext): Promise<Answer>;
  inspectSshKeys(args: InspectSshKeysArgs, context: CallContext): Promise<Answer>;
  query(args: QueryArgs, context: CallContext): Promise<Answer>;
  configureService(args: ConfigureServiceArgs, context: CallContext): Promise<Answer>;
  removeService(args: RemoveServiceArgs, context: CallContext): Promise<Answer>;
  applyPlan(args: ApplyPlanArgs, context: CallContext): Promise<Answer>;
  /** The resource `portwright://status`. */
  readStatus(client: ClientSession): Promise<Answer>;
  /** The resource `portwright://services/{name}`; rejects with `unknown_service`. */
  readService(client: ClientSession, name: string): Promise<Answer>;
  /** The resource `portwright://clusters/{name}`; rejects with `target_not_found`. */
  readCluster(client: ClientSession, name: string): Promise<Answer>;
  /** Contexts that services of the client's workspace name, for completion. */
  clusterNames(client: ClientSession): Promise<readonly string[]>;
  /** Names as declared in the client's workspace, for completion. */
  serviceNames(client: ClientSession): Promise<readonly string[]>;
  /** Names of environments of the client's workspace, for completion. */
  environmentNames(client: ClientSession): Promise<readonly string[]>;
}
