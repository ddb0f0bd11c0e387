import type { Failure } from "../connectivity-error.ts";
import { errorCatalogue, type Rung, type Side } from "../error-catalogue.ts";
import { factsEvidence, known as knownFact, type Change, type Evidence, type Fact } from "./fact.ts";
import { explain } from "./findings/explain.ts";
import { sameCause, type Place } from "./same-cause.ts";
import { confidenceOf, rungOf, type Finding, type Witness } from "./findings/finding.ts";

/** What walking one service's ladder gave: the first failure on its own path, or none, and the facts beside it. */
export interface Walk {
  readonly service: string;
  readonly rung?: Rung;
  readonly failure?: Failure;
  /** The same failure was seen by the running link too, not only by the walk. */
  readonly confirmed: boolean;
  /** Services that it depends on, each with its own walk. */
  readonly dependencies: readonly Walk[];
  readonly facts?: readonly Fact[];
  /** The pod that was reached. */
  readonly pod?: string;
  readonly nowMs?: number;
  /** The walk went well, but the running link did not a moment ago, or comes and goes. */
  readonly unsteady?: Failure;
  /** What the check at the end asks for, in words. */
  readonly check?: string;
  /** Where the service lies by its declaration. */
  readonly place?: Place;
}

/** A cause with the service where it lies. */
export interface Cause {
  readonly service: string;
  readonly rung: Rung;
  readonly failure: Failure;
  readonly side: Side;
  /** See `confidenceOf`. */
  readonly confidence: number;
  readonly evidence: readonly Evidence[];
  readonly changes: readonly Change[];
  readonly place?: Place;
}

export interface Inference {
  readonly root?: Cause;
  /** Failures that the root explains: of the asked service, and of those between it and the root. */
  readonly symptoms: readonly Cause[];
  /** Further causes that have nothing to do with the root. */
  readonly others: readonly Cause[];
}

/** That a service depends on another is declared, and not that it fails for it now. */
const blameOfDependency = 0.9;
/** Others on the same way are well: then the network is less likely. */
const contradicted = 0.75;

/**
 * A service that answers badly, or waits for another, while one that it depends on is broken: the other one is the
 * cause. A service whose own path is broken (credentials, cluster, target) is its own cause, whatever else is. Each walk
 * is looked at once, however many services depend on it.
 */
export function infer(walk: Walk, known = new Map<Walk, Inference>()): Inference {
  const before = known.get(walk);
  if (before) return before;
  const below = walk.dependencies.map((dependency) => infer(dependency, known));
  const inference = join(placed(causesOf(walk), walk.place), below);
  known.set(walk, inference);
  return inference;
}

interface Own {
  readonly root?: Cause;
  readonly symptoms: readonly Cause[];
  readonly others: readonly Cause[];
}

function placed({ root, symptoms, others }: Own, place: Place | undefined): Own {
  if (place === undefined) return { ...(root && { root }), symptoms, others };
  const at = (cause: Cause): Cause => ({ ...cause, place });
  return { ...(root && { root: at(root) }), symptoms: symptoms.map(at), others: others.map(at) };
}

function join({ root: own, symptoms, others: further }: Own, below: readonly Inference[]): Inference {
  const causes = distinct(below.flatMap(({ root, others }) => [...(root ? [root] : []), ...others]));
  if (!own) return { symptoms: [], others: causes };
  const blamed = mayBlameDependency(own) ? below.find(({ root }) => root !== undefined) : undefined;
  if (!blamed?.root) {
    const independent = [...further, ...causes].filter((cause) => !sameCause(cause, own));
    return { root: own, symptoms, others: distinct(independent) };
  }
  const { root } = blamed;
  return {
    root: { ...root, confidence: round(root.confidence * blameOfDependency) },
    symptoms: [own, ...symptoms, ...blamed.symptoms],
    others: distinct(
      [...further, ...causes].filter((cause) => cause.service !== root.service && cause.service !== own.service),
    ),
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** An answer that only the service itself can be blamed for, though it comes from the application. */
const ownAnswers: ReadonlySet<Failure["code"]> = new Set([
  "protocol_mismatch",
  "check_path_missing",
  "application_auth_failed",
  "database_missing",
  "too_many_connections",
  "certificate_expired",
  "certificate_expiring",
  "certificate_name_mismatch",
  "certificate_untrusted",
]);
/** A program that ends or never gets ready may do so for want of what it needs; these ends are its own. */
const ownExits: ReadonlySet<unknown> = new Set([126, 127, 139]);

function mayBlameDependency({ rung, failure, changes }: Cause): boolean {
  if (rung === "relation") return true;
  if (rung === "application") return !ownAnswers.has(failure.code);
  if (failure.code === "container_crashing" || failure.code === "init_container_failing")
    return (
      changes.length === 0 && !ownExits.has(failure.facts?.["exit_code"]) && failure.facts?.["probe"] === undefined
    );
  return failure.code === "pod_not_ready";
}

/** A cause that is reached over several services is one. */
const distinct = (causes: readonly Cause[]): Cause[] => [
  ...new Map(causes.map((cause) => [`${cause.service} ${cause.failure.code}`, cause])).values(),
];

function causesOf(walk: Walk): Own {
  const { service, rung, failure, confirmed, facts = [], pod, nowMs = 0 } = walk;
  const taken = portTaken(walk);
  const restless = failure ? undefined : unsteadyCause(walk);
  if (restless && !taken) return restless;
  if (!failure || rung === undefined)
    return taken ? { root: taken, symptoms: [], others: [] } : { symptoms: [], others: [] };
  const { root, symptom, others } = explain({ facts, symptom: failure, nowMs, ...(pod !== undefined && { pod }) });
  const seenByLink: Witness[] = confirmed && root.failure.code === failure.code ? ["link"] : [];
  const cause = causeFrom(service, root, seenByLink, facts);
  // The rung of the walk: the network's failures stand where they cross a ladder.
  const own = root.failure.code === failure.code ? { ...cause, rung } : cause;
  const asked = walk.check !== undefined && rung === "application" && own.rung === rung;
  const at = asked
    ? { ...own, evidence: [...own.evidence, { fact: "asked for", value: walk.check, source: "configuration" }] }
    : own;
  const symptoms =
    symptom === undefined
      ? []
      : [causeFrom(service, { failure: symptom, rung, evidence: [], witnesses: ["walk"] }, [], [])];
  const further = others.map((finding) => causeFrom(service, finding, [], facts));
  const second = taken?.failure.code === at.failure.code ? undefined : taken;
  return { root: at, symptoms, others: second ? [second, ...further] : further };
}

function causeFrom(service: string, found: Finding, more: readonly Witness[], facts: readonly Fact[]): Cause {
  const { failure, rung, evidence, witnesses, changes = [] } = found;
  const neighbours = knownFact(facts, "neighbours");
  const isNetwork = errorCatalogue[failure.code].side === "network" && neighbours !== undefined;
  const confidence = confidenceOf([...witnesses, ...more]);
  return {
    service,
    rung,
    failure,
    side: errorCatalogue[failure.code].side,
    confidence: isNetwork && neighbours.truth === "yes" ? round(confidence * contradicted) : confidence,
    evidence: isNetwork ? [...evidence, neighboursEvidence(neighbours.data)] : evidence,
    changes,
  };
}

const neighboursEvidence = ({
  way,
  ready,
  unwell,
}: {
  way: string;
  ready: readonly string[];
  unwell: readonly string[];
}): Evidence => ({
  fact: `others over ${way}`,
  value: ready.length > 0 ? `${ready.slice(0, 3).join(", ")} ready` : `${unwell.slice(0, 3).join(", ")} fail too`,
  source: "recorder",
});

/**
 * A service that answers at this moment and did not a moment ago: its pods may end again and again; one that comes and goes
 * is not well even if nothing says why.
 */
function unsteadyCause({ service, unsteady, facts = [], pod, nowMs = 0 }: Walk): Own | undefined {
  if (unsteady === undefined) return undefined;
  const { root } = explain({ facts, symptom: unsteady, nowMs, ...(pod !== undefined && { pod }) });
  const flaps: Finding = { failure: unsteady, rung: rungOf(unsteady), evidence: [], witnesses: ["link"] };
  if (root.rung === "workload" && root.witnesses.includes("status")) {
    return { root: causeFrom(service, root, [], facts), symptoms: [causeFrom(service, flaps, [], [])], others: [] };
  }
  if (unsteady.code !== "flapping") return undefined;
  const evidence = factsEvidence(unsteady.facts, "recorder");
  return {
    root: causeFrom(service, { ...flaps, evidence, witnesses: ["link", "status"] }, [], facts),
    symptoms: [],
    others: [],
  };
}

/** A service that is not running, whose local port somebody else holds: it could not be started. */
function portTaken({ service, facts = [] }: Walk): Cause | undefined {
  const port = knownFact(facts, "local_port");
  if (port?.truth !== "no") return undefined;
  const { pid, program } = port.data;
  const holder = program === undefined ? "another program" : program;
  const failure: Failure = {
    code: "local_port_in_use",
    message: `local port ${port.data.port} is taken by ${holder}${pid === undefined ? "" : ` (pid ${pid})`}`,
    facts: { ...port.data },
  };
  const evidence = [
    { fact: "holder of the port", value: `${holder}${pid === undefined ? "" : `, pid ${pid}`}`, source: port.source },
  ];
  return causeFrom(service, { failure, rung: rungOf(failure), evidence, witnesses: ["status"] }, [], []);
}
