import type { Fact } from "#domain/diagnosis/fact.ts";
import { hasLocalEnd } from "#domain/spec/local-end.ts";
import type { ServiceSpec } from "#domain/spec/service.ts";
import type { Workspace } from "../engine/workspace.ts";
import type { WalkDependencies } from "./walk-ladder.ts";

/** What this process knows: the running link, when it was ready, who holds its port, how others on the same way do. */
export async function localFacts(
  deps: WalkDependencies,
  workspace: Workspace,
  spec: ServiceSpec,
  tell: (fact: Fact) => void,
): Promise<void> {
  const { clock, portOwners } = deps;
  const condition = workspace.condition(spec.name);
  const { state, failure, sinceMs, verified } = condition;
  const head = { atMs: clock.nowMs(), source: "recorder" };
  tell({
    ...head,
    kind: "link",
    rung: "relation",
    truth: state === "ready" ? "yes" : "no",
    data: { state, ...(failure && { code: failure.code }), ...(sinceMs !== undefined && { sinceMs }) },
  });
  if (verified) {
    const data = { atMs: verified.atMs, by: verified.by };
    tell({ ...head, kind: "last_ready", rung: "relation", truth: "yes", data });
  }
  const neighbours = neighboursOf(workspace, spec);
  if (neighbours.ready.length + neighbours.unwell.length > 0) {
    const truth = neighbours.ready.length > 0 ? "yes" : "no";
    tell({ ...head, kind: "neighbours", rung: "network", truth, data: neighbours });
  }
  const { localPort } = spec;
  // What holds the port of a remote forward is its target.
  if (!hasLocalEnd(spec)) return;
  if (workspace.runtime(spec.name)?.listening === true || localPort === 0 || portOwners === undefined) return;
  const owner = await portOwners.find(localPort);
  const asked = { ...head, source: "this machine", kind: "local_port", rung: "local_port" } as const;
  if (owner === undefined) {
    // Another user's program is not seen.
    tell({ ...asked, truth: "not_checked", why: "nobody is seen to hold it" });
    return;
  }
  const { pid, program } = owner;
  const data = { port: localPort, ...(pid !== undefined && { pid }), ...(program !== undefined && { program }) };
  tell({ ...asked, truth: "no", data });
}

/** Other running services that share the first server on the way. */
function neighboursOf(workspace: Workspace, spec: ServiceSpec): { way: string; ready: string[]; unwell: string[] } {
  const way = firstServer(spec);
  const same = workspace.configuration.services.flatMap(({ name, spec: other }) =>
    other && name !== spec.name && firstServer(other) === way ? [name] : [],
  );
  const inState = (...states: string[]): string[] =>
    same.filter((name) => states.includes(workspace.condition(name).state)).slice(0, 10);
  return { way, ready: inState("ready"), unwell: inState("failed", "waiting") };
}

function firstServer({ technology, connection, via }: ServiceSpec): string {
  const [hop] = via ?? [];
  if (hop !== undefined) return `hop ${hop}`;
  if (technology === "ssh")
    return `ssh ${connection.user === undefined ? "" : `${connection.user}@`}${connection.host}:${connection.port}`;
  return `context ${connection.context ?? "(current)"}`;
}
