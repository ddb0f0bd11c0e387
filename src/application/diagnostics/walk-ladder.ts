import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import type { Rung } from "#domain/error-catalogue.ts";
import { ladderAllOk, ladderWithFailure, rungOn, type RungFinding } from "#domain/diagnosis/ladder.ts";
import type { Walk } from "#domain/diagnosis/inference.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { dial } from "../engine/dial.ts";
import { composeRoute } from "../engine/routes.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ForwardDriver, Transport } from "../ports/forward-driver.ts";
import type { ProbeResult, Probes } from "../ports/probe.ts";

/** The way to the target has at most this long, whatever hangs, and the check at its end this much. */
const pathTimeoutMs = 4500;
const probeTimeoutMs = 3000;

export interface WalkDependencies {
  readonly clock: Clock;
  readonly probes: Probes;
  driver(technology: ServiceSpec["technology"]): Promise<ForwardDriver>;
  access(workspace: string): Access;
}

/** A walk with its ladder and what the check at the end said. */
export interface LadderWalk {
  readonly walk: Omit<Walk, "dependencies">;
  readonly ladder: readonly RungFinding[];
  readonly probe?: ProbeResult;
  readonly via?: string;
}

/** Walks one service's ladder anew, beside its running link: a fresh dial, then its check through it. Never throws. */
export async function walkLadder(
  deps: WalkDependencies,
  workspace: Workspace,
  service: string,
  signal: AbortSignal,
): Promise<LadderWalk> {
  const condition = workspace.condition(service);
  const declaration = workspace.declaration(service);
  if (!declaration?.spec) {
    const failure = declaration?.failure ?? {
      code: "unknown_service" as const,
      message: `there is no service ${service}`,
    };
    return failedWalk("ssh", service, "configuration", failure, true, undefined);
  }
  const { spec } = declaration;
  const { technology } = spec;
  if (condition.failure && rungOn(technology, condition.failure) === "local_port") {
    return failedWalk(technology, service, "local_port", condition.failure, true, undefined);
  }
  const startedMs = deps.clock.monotonicMs();
  const seen = (failure: Failure): boolean => condition.failure?.code === failure.code;
  const elapsedMs = (): number => Math.round(deps.clock.monotonicMs() - startedMs);
  let transport: Transport;
  try {
    transport = await openWithin(deps, workspace, spec, signal);
  } catch (thrown) {
    const failure = toConnectivityError(thrown).toFailure();
    return failedWalk(technology, service, rungOn(technology, failure), failure, seen(failure), elapsedMs());
  }
  try {
    const probe = await probeThrough(deps, workspace.path, spec, transport, signal);
    if (probe.ok) {
      // Its own way is fine, and it waits for another service all the same.
      const waits = condition.failure?.code === "dependency_failed" ? condition.failure : undefined;
      return {
        walk: { service, confirmed: true, ...(waits && { rung: "relation", failure: waits }) },
        ladder: timed(ladderAllOk(technology), probe, elapsedMs()),
        probe,
        via: transport.via,
      };
    }
    const failure = probeFailure(probe);
    const rung =
      failure.code === "connection_lost" || failure.code === "operation_timed_out"
        ? "target"
        : rungOn(technology, failure);
    return { ...failedWalk(technology, service, rung, failure, seen(failure), elapsedMs()), probe, via: transport.via };
  } finally {
    transport.destroy();
  }
}

/** Runs the service's check, or another one, over an open transport, within a bounded time. */
export async function probeThrough(
  deps: WalkDependencies,
  workspace: string,
  spec: ServiceSpec,
  transport: Transport,
  signal: AbortSignal,
): Promise<ProbeResult> {
  using limit = limited(deps.clock, Math.min(spec.healthCheck.timeoutMs, probeTimeoutMs), signal);
  const path = {
    connect: (inner: AbortSignal) =>
      transport.connectForCheck?.({ signal: inner }) ?? transport.connect({ signal: inner }),
    host: "localhost",
    port: spec.localPort,
  };
  return deps.probes.run(spec.healthCheck, path, { signal: limit.signal, access: deps.access(workspace) });
}

export async function openWithin(
  deps: WalkDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  signal: AbortSignal,
): Promise<Transport> {
  using limit = limited(deps.clock, pathTimeoutMs, signal);
  const access = deps.access(workspace.path);
  const service = (name: string): ServiceSpec | undefined => workspace.declaration(name)?.spec;
  const routing = spec.via && (() => composeRoute(spec, { access, service, driver: (of) => deps.driver(of) }));
  try {
    return await dial(deps.driver(spec.technology), spec, { signal: limit.signal, access }, undefined, routing);
  } catch (thrown) {
    throw limit.timedOut
      ? new ConnectivityError(
          "operation_timed_out",
          `no connection within ${pathTimeoutMs / 1000} s`,
          {},
          { cause: thrown },
        )
      : thrown;
  }
}

function limited(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
): { readonly signal: AbortSignal; readonly timedOut: boolean } & Disposable {
  const controller = new AbortController();
  let timedOut = false;
  const timer = clock.after(ms, () => {
    timedOut = true;
    controller.abort(new ConnectivityError("operation_timed_out", `no answer within ${ms / 1000} s`));
  });
  return {
    signal: AbortSignal.any([controller.signal, outer]),
    get timedOut() {
      return timedOut;
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  };
}

function probeFailure({ code, message, facts, untrusted }: Extract<ProbeResult, { ok: false }>): Failure {
  return { code, message, ...(facts && { facts }), ...(untrusted !== undefined && { untrusted }) };
}

function failedWalk(
  technology: ServiceSpec["technology"],
  service: string,
  rung: Rung,
  failure: Failure,
  confirmed: boolean,
  ms: number | undefined,
): LadderWalk {
  return { walk: { service, rung, failure, confirmed }, ladder: ladderWithFailure(technology, rung, failure, ms) };
}

function timed(ladder: readonly RungFinding[], probe: Extract<ProbeResult, { ok: true }>, ms: number): RungFinding[] {
  return ladder.map((finding) => (finding.rung === "application" ? { ...finding, detail: probe.by, ms } : finding));
}
