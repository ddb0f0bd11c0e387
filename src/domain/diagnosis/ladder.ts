import type { Failure } from "../connectivity-error.ts";
import type { Rung } from "../error-catalogue.ts";
import type { Technology } from "../spec/service.ts";
import type { Fact } from "./fact.ts";
import { rungOf } from "./findings/finding.ts";

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
  const rung = rungOf(failure);
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

/** What fails on a service's own way, as the inference found it. */
export interface Broken {
  readonly rung: Rung;
  readonly failure: Failure;
}

/** The rung that a fact belongs to has it checked, and how long that took. */
const factRungs: Readonly<Partial<Record<Fact["kind"], Rung>>> = {
  authentication: "credentials",
  tls: "cluster",
  tcp: "cluster",
  identification: "ssh",
  pods: "workload",
};

/**
 * The ladder once all is known: what fails, with the walk's own first failure beside the cause below it; what holds because
 * the walk passed it; and what nobody could look at. Credentials hold only when somebody took them.
 */
export function ladderOf(
  technology: Technology,
  walked: readonly RungFinding[],
  broken: readonly Broken[],
  facts: readonly Fact[],
): RungFinding[] {
  const authenticated = facts.find(({ kind }) => kind === "authentication");
  const reachedTo = walked.findLastIndex(({ status }) => status !== "not_checked");
  return walked.map((rung, index): RungFinding => {
    const failure = broken.find((one) => one.rung === rung.rung)?.failure;
    const ms = rung.ms ?? msOf(facts, rung.rung);
    if (failure !== undefined)
      return { rung: rung.rung, status: "failed", detail: failure.code, ...(ms !== undefined && { ms }) };
    const unproven = technology === "kubernetes" && rung.rung === "credentials" && authenticated?.truth !== "yes";
    if (rung.status === "ok" && unproven && walked[index + 1]?.status !== "ok")
      return { rung: rung.rung, status: "not_checked", detail: "nobody there to take them" };
    if (rung.status === "failed" && reachedTo === index) return { rung: rung.rung, status: "not_checked" };
    return { ...rung, ...(rung.status === "ok" && ms !== undefined && { ms }) };
  });
}

function msOf(facts: readonly Fact[], rung: Rung): number | undefined {
  const timed = facts.filter(
    ({ kind, truth, ms }) => factRungs[kind] === rung && truth !== "not_checked" && ms !== undefined,
  );
  return timed.length === 0 ? undefined : Math.max(...timed.map(({ ms = 0 }) => ms));
}
