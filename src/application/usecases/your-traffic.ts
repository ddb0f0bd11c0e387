import type { Workspace } from "../engine/workspace.ts";
import type { UseCaseDependencies } from "./scope.ts";

const windowMs = 5 * 60_000;
/** More connections than this are not looked at one by one. */
const looked = 500;

/** How the person's own connections through a service ended lately; nothing when there were none. */
export function yourTraffic({ recorder, clock }: UseCaseDependencies, workspace: Workspace, service: string): object {
  const filter = { workspace: workspace.path, service, sinceMs: clock.nowMs() - windowMs };
  const { rows, total } = recorder.read().connections(filter, { limit: looked });
  if (rows.length === 0) return {};
  const answered = rows.filter(({ ended, bytesDown }) => ended === "closed" && bytesDown !== 0).length;
  const refused = rows.filter(({ ended }) => ended === "refused").length;
  const reset = rows.filter(({ ended }) => ended === "reset_by_target" || ended === "connection_lost").length;
  const pid = rows.find(({ client }) => client !== undefined)?.client?.pid;
  return {
    your_traffic: {
      window: "5 min",
      ...(pid !== undefined && { by: `pid ${pid}` }),
      connections: total,
      answered,
      reset,
      ...(refused > 0 && { refused }),
    },
  };
}
