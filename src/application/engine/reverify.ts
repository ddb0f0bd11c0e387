import type { Failure } from "#domain/connectivity-error.ts";
import type { HealthMonitor } from "./health-monitor.ts";
import type { Link } from "./link.ts";

/** A check that fails so says that the way to the target is stale, not that the target is ill: a new dial may help. */
const stalePath: readonly string[] = ["connection_lost", "operation_timed_out", "pod_gone", "forward_refused"];
/** A tunnel that died without a word shows as a target that says nothing. */
export const isStalePath = ({ code, facts }: Pick<Failure, "code" | "facts">): boolean =>
  stalePath.includes(code) || facts?.["silent"] === true;

/**
 * After a pause of this process or a change of network: a link that is down is dialled at once, one that is being dialled
 * begins anew, and one that is up is checked once its driver has looked at what it holds (`verified`).
 */
export async function reverify(link: Link, monitor: HealthMonitor, verified: Promise<unknown>): Promise<void> {
  const { transport } = link;
  if (link.state.kind === "backoff" || link.state.kind === "failed") link.dial();
  else link.restart();
  if (transport === undefined) return;
  await verified;
  if (link.transport !== transport) return;
  const result = await monitor.recheck();
  if (result === undefined || result.ok || link.transport !== transport) return;
  const { code, message, facts } = result;
  if (isStalePath(result)) link.redial({ code, message, ...(facts && { facts }) });
}
