import { ConnectivityError, toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import type { Rung } from "#domain/error-catalogue.ts";
import { ladderAllOk, ladderWithFailure, rungOn, type RungFinding } from "#domain/diagnosis/ladder.ts";
import type { Walk } from "#domain/diagnosis/inference.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import { dial } from "../engine/dial.ts";
import { limited } from "../engine/limited.ts";
import { withConnection } from "./ladder-details.ts";
import { composeRoute } from "../engine/routes.ts";
import { recognise } from "./recognise.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { Access } from "../ports/access.ts";
import type { Clock } from "../ports/clock.ts";
import type { ForwardDriver, Transport } from "../ports/forward-driver.ts";
import type { FactSource } from "../ports/fact-source.ts";
import type { PortOwners } from "../ports/port-owner.ts";
import type { ProbeResult, Probes } from "../ports/probe.ts";
import type { Route } from "../ports/route.ts";

/** The way to the target has at most this long, whatever hangs; the check at its end what is left of the whole. */
const pathTimeoutMs = 4500;
const walkTimeoutMs = 6500;
const probeTimeoutMs = 5000;

export interface WalkDependencies {
  readonly clock: Clock;
  readonly probes: Probes;
  driver(technology: ServiceSpec["technology"]): Promise<ForwardDriver>;
  access(workspace: string): Access;
  /** Facts beside the dial; absent: the dial alone speaks. */
  readonly facts?: (technology: ServiceSpec["technology"]) => Promise<FactSource>;
  readonly portOwners?: PortOwners;
}

/** A walk with its ladder and what the check at the end said. */
export interface LadderWalk {
  readonly walk: Omit<Walk, "dependencies">;
  readonly ladder: readonly RungFinding[];
  readonly probe?: ProbeResult;
  readonly via?: string;
  /** The pod that was reached. */
  readonly pod?: string;
  readonly ms?: number;
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
  if (!spec.enabled) {
    const failure = {
      code: "service_disabled" as const,
      message: `service ${service} is switched off (enabled: false)`,
      facts: { service },
    };
    return failedWalk(technology, service, "configuration", failure, true, undefined);
  }
  if (condition.failure && rungOn(technology, condition.failure) === "local_port") {
    return failedWalk(technology, service, "local_port", condition.failure, true, undefined);
  }
  const startedMs = deps.clock.monotonicMs();
  const linkFailure = condition.failure && asReached(technology, condition.failure);
  const seen = (failure: Failure): boolean => linkFailure?.code === failure.code;
  const elapsedMs = (): number => Math.round(deps.clock.monotonicMs() - startedMs);
  let transport: Transport;
  try {
    transport = await openWithin(deps, workspace, spec, signal);
  } catch (thrown) {
    const late = toConnectivityError(thrown).toFailure();
    // The running link had the time to see why.
    const failure = late.code === "operation_timed_out" && linkFailure && namesTheWay(linkFailure) ? linkFailure : late;
    return failedWalk(technology, service, rungOn(technology, failure), failure, seen(failure), elapsedMs());
  }
  try {
    const probeMs = Math.max(1000, walkTimeoutMs - elapsedMs());
    const probe = trusting(
      await probeThrough(deps, workspace.path, spec, transport, signal, probeMs),
      workspace,
      spec,
      probeMs,
    );
    const pod = transport.facts()["pod"];
    const reached = { via: transport.via, ms: elapsedMs(), ...(typeof pod === "string" && { pod }) };
    if (probe.ok) {
      // Its own way is fine, and it waits for another service all the same.
      const waits = condition.failure?.code === "dependency_failed" ? condition.failure : undefined;
      return {
        walk: { service, confirmed: true, ...(waits && { rung: "relation", failure: waits }) },
        ladder: timed(withConnection(ladderAllOk(technology), transport), probe, elapsedMs()),
        probe,
        ...reached,
      };
    }
    const said = asReached(technology, probeFailure(probe));
    const failure = await recognised(deps, workspace, spec, transport, signal, said);
    const rung =
      failure.code === "connection_lost" || failure.code === "operation_timed_out"
        ? "target"
        : rungOn(technology, failure);
    const failed = failedWalk(technology, service, rung, failure, seen(failure), elapsedMs());
    return { ...failed, ladder: withConnection(failed.ladder, transport), probe, ...reached };
  } finally {
    transport.destroy();
  }
}

/** Each further question to a target that does not answer in the check's own language. */
const recogniseMs = 800;

async function recognised(
  deps: WalkDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  transport: Transport,
  signal: AbortSignal,
  failure: Failure,
): Promise<Failure> {
  const { type } = spec.healthCheck;
  const speaks = await recognise(failure, spec.healthCheck, (healthCheck) =>
    probeThrough(deps, workspace.path, { ...spec, healthCheck }, transport, signal, recogniseMs),
  );
  if (speaks === undefined) return failure;
  if (speaks === "plain") {
    const plain = { expected: `${type} over TLS`, looks_like: type, setting: "tls" };
    return { code: "protocol_mismatch", message: `the target speaks ${type} without TLS`, facts: plain };
  }
  const facts = { expected: type, looks_like: speaks };
  return { code: "protocol_mismatch", message: `the target does not speak ${type}: it answers as ${speaks}`, facts };
}

/** Runs the service's check, or another one, over an open transport, within a bounded time. */
export async function probeThrough(
  deps: WalkDependencies,
  workspace: string,
  spec: ServiceSpec,
  transport: Transport,
  signal: AbortSignal,
  withinMs = probeTimeoutMs,
): Promise<ProbeResult> {
  using limit = limited(deps.clock, Math.min(spec.healthCheck.timeoutMs, withinMs), signal);
  const path = {
    connect: (inner: AbortSignal) =>
      transport.connectForCheck?.({ signal: inner }) ?? transport.connect({ signal: inner }),
    host: "localhost",
    port: spec.localPort,
  };
  // Awaited here: the limit ends with this function.
  return await deps.probes.run(spec.healthCheck, path, { signal: limit.signal, access: deps.access(workspace) });
}

/**
 * A check that may take longer than there is time for here says nothing by not having ended: then the running link, which
 * has the time, is believed when its own last check was good, and otherwise it is told that the time was too short.
 */
function trusting(
  result: ProbeResult,
  workspace: Workspace,
  { name, healthCheck }: ServiceSpec,
  withinMs: number,
): ProbeResult {
  const cutShort =
    !result.ok && healthCheck.timeoutMs > withinMs && (result.facts?.["silent"] === true || isLate(result.code));
  if (!cutShort) return result;
  const { state, verified } = workspace.condition(name);
  if (state === "ready" && verified) return { ok: true, by: verified.by, phasesMs: result.phasesMs };
  return {
    ...result,
    code: "application_slow",
    message: `the check did not end within ${Math.round(withinMs / 100) / 10} s; its own limit is ${healthCheck.timeoutMs / 1000} s`,
  };
}

const namesTheWay = ({ code }: Failure): boolean => code === "host_unreachable" || code === "ssh_jump_failed";

const isLate = (code: string): boolean => code === "application_slow" || code === "operation_timed_out";

/** Opens a transport as the running link does, by its route, within a bounded time. @throws ConnectivityError */
export async function openWithin(
  deps: WalkDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  signal: AbortSignal,
): Promise<Transport> {
  using limit = limited(deps.clock, pathTimeoutMs, signal);
  const access = deps.access(workspace.path);
  const routing = spec.via && (() => routeOf(deps, workspace, spec));
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

/** The hops of a service. @throws ConnectivityError what a driver says about one */
export const routeOf = (deps: WalkDependencies, workspace: Workspace, spec: ServiceSpec): Promise<Route | undefined> =>
  composeRoute(spec, {
    access: deps.access(workspace.path),
    service: (name) => workspace.declaration(name)?.spec,
    driver: (technology) => deps.driver(technology),
  });

/** A server in between connects for us, so what closes at once is behind it: nobody there may know of pods and their ports. */
function asReached(technology: ServiceSpec["technology"], failure: Failure): Failure {
  if (technology !== "ssh" || failure.code !== "target_port_closed") return failure;
  const message = "the target takes the SSH server's connection and closes it at once: nothing serves there";
  return { ...failure, code: "target_unreachable", message };
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
