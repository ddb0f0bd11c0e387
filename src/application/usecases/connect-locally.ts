import { checkFor } from "#domain/discovery/ad-hoc-service.ts";
import { handleText, type TargetHandle } from "#domain/discovery/handle.ts";
import { exportsFor, type KnownProtocol } from "#domain/discovery/protocols.ts";
import { exportedVariables } from "#domain/exports.ts";
import { healthCheckSchema, type HealthCheckSpec } from "#domain/spec/health-check.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Access } from "../ports/access.ts";
import type { LocalReach } from "../ports/local-reach.ts";
import type { ProbeResult, Probes } from "../ports/probe.ts";
import type { Answer, CallContext } from "../surface/tool-definition.ts";

export interface LocalConnectDependencies {
  readonly reach: LocalReach;
  readonly probes: Probes;
  access(workspace: string): Access;
}

const host = "127.0.0.1";
const checkWithinMs = 6000;

/** What listens on this machine needs no forward: its protocol is verified where it is. */
export async function connectLocally(
  deps: LocalConnectDependencies,
  handle: Extract<TargetHandle, { kind: "local" | "compose" }>,
  port: number,
  protocol: KnownProtocol | undefined,
  workspace: Workspace,
  { signal }: CallContext,
): Promise<Answer> {
  const check = (declared: object): Promise<ProbeResult> =>
    deps.probes.run(
      healthCheckSchema.parse(declared) satisfies HealthCheckSpec,
      { host, port, connect: (until) => deps.reach.connect(port, until) },
      { signal: AbortSignal.any([signal, AbortSignal.timeout(checkWithinMs)]), access: deps.access(workspace.path) },
    );
  const wanted = checkFor(protocol);
  const first = await check(wanted);
  const mismatch = !first.ok && first.code === "protocol_mismatch";
  const result = mismatch ? await check({ type: "tcp" }) : first;
  const endpoint = `${host}:${port}`;
  const name = handle.kind === "compose" ? handle.service : (protocol?.name ?? `port-${port}`);
  const spoken = mismatch ? undefined : protocol;
  const env = exportedVariables({ name, exports: exportsFor(spoken, name) }, { host, port });
  if (result.ok) {
    return {
      summary: `${endpoint} is on this machine already and answers (${result.by}); nothing was forwarded.`,
      state: "ready",
      endpoint,
      target: handleText(handle),
      verified: { ago_s: 0, by: result.by },
      env,
      next_steps: [],
    };
  }
  return {
    summary: `${endpoint} is on this machine and is not reached: ${result.message}.`,
    state: "failed",
    endpoint,
    target: handleText(handle),
    code: result.code,
    message: result.message,
    ...(result.untrusted !== undefined && { untrusted: { source: "what the server said", text: result.untrusted } }),
    ...(handle.kind === "compose" && {
      user_steps: [{ do: "run", command: `docker compose up -d ${handle.service}`, why: "its container may not run" }],
    }),
    next_steps: [],
  };
}
