import type { Failure } from "#domain/connectivity-error.ts";
import { exportedVariables, type ExportedVariable } from "#domain/exports.ts";
import { isoInZone } from "#domain/time.ts";
import { hasLocalEnd, isSocketPath } from "#domain/spec/local-end.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { CallContext } from "../surface/tool-definition.ts";
import type { UseCaseDependencies } from "./scope.ts";

/**
 * The local end as people write it: `127.0.0.1:5432`, with a scheme where the check says that it is HTTP; the path of a
 * socket; of a remote forward, which has none, the end at the server while it stands.
 */
export function endpointOf(workspace: Workspace, service: string): string | undefined {
  const runtime = workspace.runtime(service);
  if (!runtime) return undefined;
  if (!hasLocalEnd(runtime.spec)) return runtime.transport?.endpoint;
  const { listen, healthCheck } = runtime.spec;
  if (isSocketPath(listen)) return runtime.host;
  if (runtime.port === 0) return undefined;
  const host = listen.includes(":") ? `[${listen}]` : listen;
  const scheme = healthCheck.type === "http" || healthCheck.type === "https" ? `${healthCheck.type}://` : "";
  return `${scheme}${host}:${runtime.port}`;
}

/** Where clients connect, short for a table: the local port, or what there is in its place (a Unix socket, a port at a server). */
export function placeOf(workspace: Workspace, service: string): number | string {
  const runtime = workspace.runtime(service);
  const byPort = runtime !== undefined && hasLocalEnd(runtime.spec) && !isSocketPath(runtime.spec.listen);
  return (byPort ? runtime.port : endpointOf(workspace, service)) ?? 0;
}

/** One service in an answer: state and proof, or cause. Shapes: `contract/answers.json`, `start`. */
export function serviceRow(
  { clock }: UseCaseDependencies,
  workspace: Workspace,
  service: string,
  { client }: CallContext,
): Record<string, unknown> {
  const { state, failure, verified, sinceMs } = workspace.condition(service);
  const runtime = workspace.runtime(service);
  const endpoint = endpointOf(workspace, service);
  const nowMs = clock.nowMs();
  return {
    service,
    state,
    ...(endpoint !== undefined && { endpoint }),
    ...(state === "ready" &&
      verified && { verified: { ago_s: ageSeconds(verified.atMs, nowMs), by: verified.by, ms: verified.durationMs } }),
    ...(runtime?.transport && { via: runtime.transport.via }),
    ...(state !== "ready" && failure && failureFields(failure)),
    ...(state !== "ready" && sinceMs !== undefined && { since: isoInZone(sinceMs, client.hello.timeZone) }),
  };
}

export const ageSeconds = (atMs: number, nowMs: number): number => Math.max(0, Math.round((nowMs - atMs) / 1000));

/** A failure in an answer: our sentence and facts; text from outside only under `untrusted`. */
function failureFields(failure: Failure): Record<string, unknown> {
  const { code, message, facts, untrusted } = failure;
  const blames = code === "dependency_failed" ? facts?.["root_service"] : undefined;
  return {
    code,
    message,
    ...(blames !== undefined && { blames }),
    ...(facts && { facts }),
    ...(untrusted !== undefined && { untrusted: { source: "the other side", text: untrusted } }),
  };
}

/** The variables of services whose local port is known, in declaration order. */
export function variablesOf(workspace: Workspace, services: readonly string[]): ExportedVariable[] {
  return services.flatMap((name) => {
    const runtime = workspace.runtime(name);
    if (!runtime) return [];
    const { listen } = runtime.spec;
    if (isSocketPath(listen)) return exportedVariables(runtime.spec, { host: runtime.host, port: 0 });
    if (runtime.port === 0) return [];
    return exportedVariables(runtime.spec, { host: localHost(runtime.spec), port: runtime.port });
  });
}

const localHost = ({ listen }: ServiceSpec): string => (listen === "localhost" ? "127.0.0.1" : listen);
