import type { Failure } from "../connectivity-error.ts";
import { errorCatalogue, type Rung } from "../error-catalogue.ts";
import type { Technology } from "../spec/service.ts";

/** One rung of a ladder as it was found. `not_checked`: what is below it does not hold, so it could not be reached. */
export interface RungFinding {
  readonly rung: Rung;
  readonly status: "ok" | "failed" | "not_checked";
  readonly detail?: string;
  readonly ms?: number;
}

/** From the configuration file to the application behind the connection, for a service of a technology. */
const ladders: Readonly<Record<Technology, readonly Rung[]>> = {
  kubernetes: ["configuration", "local_port", "credentials", "cluster", "workload", "target", "application"],
  ssh: ["configuration", "local_port", "ssh", "credentials", "target", "application"],
};

/** Where on a technology's ladder a failure stands; one of the network stands at the first rung that crosses it. */
export function rungOn(technology: Technology, failure: Failure): Rung {
  const { rung } = errorCatalogue[failure.code];
  if (ladders[technology].includes(rung)) return rung;
  return technology === "ssh" ? "ssh" : "cluster";
}

/** The whole ladder when the first failure stands at `failed`: what is before it holds, what is behind it could not be reached. */
export function ladderWithFailure(
  technology: Technology,
  failed: Rung,
  failure: Failure,
  ms: number | undefined,
): RungFinding[] {
  const rungs = ladders[technology];
  const at = rungs.indexOf(failed);
  return rungs.map((rung, index) => {
    if (index < at) return { rung, status: "ok" };
    if (index > at) return { rung, status: "not_checked" };
    return { rung, status: "failed", detail: failure.code, ...(ms !== undefined && { ms }) };
  });
}

export const ladderAllOk = (technology: Technology): RungFinding[] =>
  ladders[technology].map((rung) => ({ rung, status: "ok" }));
