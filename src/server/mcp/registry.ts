import type * as z from "zod";
import type { PromptDefinition } from "#application/surface/prompt-definition.ts";
import type { ResourceDefinition, ResourceTemplateDefinition } from "#application/surface/resource-definition.ts";
import type { ToolDefinition } from "#application/surface/tool-definition.ts";
import type { UseCases } from "#application/surface/use-cases.ts";
import { startMyDevEnvironment } from "#prompts/start-my-dev-environment.ts";
import { whyIsItFailing } from "#prompts/why-is-it-failing.ts";
import { cluster } from "#resources/cluster.ts";
import { service } from "#resources/service.ts";
import { status } from "#resources/status.ts";
import { connect } from "#tools/connect.ts";
import { applyPlan } from "#tools/apply-plan.ts";
import { configureService } from "#tools/configure-service.ts";
import { controlService } from "#tools/control-service.ts";
import { diagnose } from "#tools/diagnose.ts";
import { getHistory } from "#tools/get-history.ts";
import { discoverTargets } from "#tools/discover-targets.ts";
import { getStatus } from "#tools/get-status.ts";
import { inspectSshKeys } from "#tools/inspect-ssh-keys.ts";
import { listSshHosts } from "#tools/list-ssh-hosts.ts";
import { probe } from "#tools/probe.ts";
import { query } from "#tools/query.ts";
import { removeService } from "#tools/remove-service.ts";
import { startEnvironment } from "#tools/start-environment.ts";
import { stopEnvironment } from "#tools/stop-environment.ts";
import { waitFor } from "#tools/wait-for.ts";

/** A tool as the server sees it: any input, all use cases. */
export type AnyTool = ToolDefinition<z.ZodType, UseCases>;

export type AnyPrompt = PromptDefinition<z.ZodObject, UseCases>;

/** Every tool, in the order of `tools/list`: the same for every client and workspace. */
export const tools: readonly AnyTool[] = [
  startEnvironment,
  stopEnvironment,
  getStatus,
  discoverTargets,
  connect,
  configureService,
  controlService,
  removeService,
  diagnose,
  probe,
  waitFor,
  query,
  applyPlan,
  getHistory,
];

/**
 * Sets of further tools, which a client asks for by name (`portwright mcp --tools ssh`, or the variable
 * `PORTWRIGHT_TOOLS` of its environment): what is wanted now and then does not take every model's attention.
 */
export const toolSets: Readonly<Record<string, readonly AnyTool[]>> = { ssh: [listSshHosts, inspectSshKeys] };

/** The tools of a client: all, then those of the sets that it asks for. A set that does not exist has none. */
export function toolsFor(asked: string | undefined): readonly AnyTool[] {
  const names = new Set((asked ?? "").split(",").map((name) => name.trim()));
  return [...tools, ...Object.entries(toolSets).flatMap(([name, set]) => (names.has(name) ? set : []))];
}

export const prompts: readonly AnyPrompt[] = [startMyDevEnvironment, whyIsItFailing];
export const resources: readonly ResourceDefinition<UseCases>[] = [status];
export const resourceTemplates: readonly ResourceTemplateDefinition<UseCases>[] = [service, cluster];
