import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { errorCatalogue } from "#domain/error-catalogue.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { openWithin, probeThrough, type WalkDependencies } from "../diagnostics/walk-ladder.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { ProbeResult } from "../ports/probe.ts";
import type { Answer, CallContext, NextStep } from "../surface/tool-definition.ts";
import type { ProbeArgs } from "../surface/use-cases.ts";
import { requireWorkspace, selectService, type UseCaseDependencies } from "./scope.ts";

export type ProbeDependencies = UseCaseDependencies & { readonly walk: WalkDependencies };

const knownTypes = [
  ...["tcp", "tls", "http", "https", "grpc", "postgres", "mysql", "redis", "mongodb", "kafka", "amqp", "dns", "ssh"],
  ...["udp", "command"],
];

/** One check through a service's path, with its timings; of another type than the declared one when asked. */
export async function probe(deps: ProbeDependencies, args: ProbeArgs, context: CallContext): Promise<Answer> {
  const workspace = await requireWorkspace(deps.engine, context.client);
  const notes: string[] = [];
  const service =
    args.service === undefined
      ? serviceAt(workspace, args.target)
      : selectService(workspace, args.service, true, notes);
  const spec = workspace.declaration(service)?.spec;
  if (!spec) {
    const failure = workspace.condition(service).failure ?? workspace.declaration(service)?.failure;
    throw new ConnectivityError(
      failure?.code ?? "unknown_service",
      failure?.message ?? `there is no service ${service}`,
      failure?.facts,
    );
  }
  const result = await probeOnce(deps, workspace, await withType(spec, args.type), context);
  if (context.signal.aborted) throw new ConnectivityError("cancelled", "the check was cancelled");
  const type = args.type ?? spec.healthCheck.type;
  const next: NextStep[] = result.ok ? [] : [{ tool: "diagnose", arguments: { service }, why: "names the cause" }];
  return {
    summary: [
      ...notes,
      result.ok
        ? `${service}: ${result.by} works through the whole path.`
        : `${service}: the ${type} check fails: ${result.message}.`,
    ].join(" "),
    service,
    ok: result.ok,
    ...(!result.ok && { code: result.code, rung: errorCatalogue[result.code].rung }),
    ...(result.ok && { verified_by: result.by }),
    phases_ms: result.phasesMs,
    ...(result.facts && { facts: result.facts }),
    ...(!result.ok &&
      result.untrusted !== undefined && { untrusted: { source: "what the server said", text: result.untrusted } }),
    next_steps: next,
  };
}

async function probeOnce(
  deps: ProbeDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  context: CallContext,
): Promise<ProbeResult> {
  const live = workspace.runtime(spec.name)?.transport;
  if (live) return probeThrough(deps.walk, workspace.path, spec, live, context.signal);
  try {
    const transport = await openWithin(deps.walk, workspace, spec, context.signal);
    try {
      return await probeThrough(deps.walk, workspace.path, spec, transport, context.signal);
    } finally {
      transport.destroy();
    }
  } catch (thrown) {
    const { code, message, facts, untrusted } = toConnectivityError(thrown);
    return { ok: false, code, message, phasesMs: {}, facts, ...(untrusted !== undefined && { untrusted }) };
  }
}

/** The same service with a check of another type, at that type's defaults. */
async function withType(spec: ServiceSpec, type: string | undefined): Promise<ServiceSpec> {
  if (type === undefined) return spec;
  const { healthCheckSchema } = await import("#domain/spec/health-check.ts");
  const parsed = healthCheckSchema.safeParse({ type: type.toLowerCase() });
  // The declared check knows more than one at its defaults: path, user, database.
  if (parsed.success && parsed.data.type === spec.healthCheck.type) return spec;
  if (parsed.success) return { ...spec, healthCheck: parsed.data };
  throw new ConnectivityError(
    "invalid_arguments",
    `there is no check of type ${type.slice(0, 40)}; there are: ${knownTypes.join(", ")}`,
    {
      argument: "type",
      known: knownTypes,
    },
  );
}

/** Only what is declared is reached: the service whose local end or target the person names. */
function serviceAt(workspace: Workspace, target: string | undefined): string {
  const wanted = target?.replace(/^[a-z+]+:\/\//, "").replace(/\/.*$/, "") ?? "";
  for (const { spec } of workspace.services) {
    if (!spec) continue;
    const port = workspace.runtime(spec.name)?.port ?? spec.localPort;
    const remote = spec.technology === "ssh" ? spec.connection.remoteHost : spec.connection.resourceName;
    // 0: none was chosen yet.
    if (port === 0 && wanted.endsWith(":0")) continue;
    if ([`127.0.0.1:${port}`, `localhost:${port}`, `${remote}:${spec.remotePort}`].includes(wanted)) return spec.name;
  }
  throw new ConnectivityError("target_not_found", "name a declared service, or a host:port that one of them has", {
    known: workspace.services.map(({ name }) => name).slice(0, 20),
  });
}
