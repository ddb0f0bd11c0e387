import type { Failure } from "../connectivity-error.ts";
import { errorCatalogue, type Rung, type Side } from "../error-catalogue.ts";

/** What walking one service's ladder gave: the first failure on its own path, or none. */
export interface Walk {
  readonly service: string;
  readonly rung?: Rung;
  readonly failure?: Failure;
  /** The same failure was seen by the running link too, not only by the walk. */
  readonly confirmed: boolean;
  /** Services that it depends on, each with its own walk. */
  readonly dependencies: readonly Walk[];
}

/** A cause with the service where it lies. */
export interface Cause {
  readonly service: string;
  readonly rung: Rung;
  readonly failure: Failure;
  readonly side: Side;
  readonly confidence: number;
}

export interface Inference {
  readonly root?: Cause;
  /** Failures that the root explains: of the asked service, and of those between it and the root. */
  readonly symptoms: readonly Cause[];
  /** Further causes that have nothing to do with the root. */
  readonly others: readonly Cause[];
}

/** Seen by two witnesses, the running link and the walk; or by the walk alone. */
const confidence = { confirmed: 0.97, walkOnly: 0.9, dependency: 0.85 } as const;

/**
 * A service that answers badly, or waits for another, while one that it depends on is broken: the other one is the
 * cause. A service whose own path is broken (credentials, cluster, target) is its own cause, whatever else is. Each walk
 * is looked at once, however many services depend on it.
 */
export function infer(walk: Walk, known = new Map<Walk, Inference>()): Inference {
  const before = known.get(walk);
  if (before) return before;
  const below = walk.dependencies.map((dependency) => infer(dependency, known));
  const inference = join(causeOf(walk), below);
  known.set(walk, inference);
  return inference;
}

function join(own: Cause | undefined, below: readonly Inference[]): Inference {
  const causes = distinct(below.flatMap(({ root, others }) => [...(root ? [root] : []), ...others]));
  if (!own) return { symptoms: [], others: causes };
  const dependsOnOthers = own.rung === "application" || own.rung === "relation";
  const blamed = dependsOnOthers ? below.find(({ root }) => root !== undefined) : undefined;
  if (!blamed?.root) return { root: own, symptoms: [], others: causes };
  const { root } = blamed;
  return {
    root: { ...root, confidence: Math.min(root.confidence, confidence.dependency) },
    symptoms: [own, ...blamed.symptoms],
    others: causes.filter((cause) => cause.service !== root.service),
  };
}

/** A cause that is reached over several services is one. */
const distinct = (causes: readonly Cause[]): Cause[] => [
  ...new Map(causes.map((cause) => [`${cause.service} ${cause.failure.code}`, cause])).values(),
];

function causeOf({ service, rung, failure, confirmed }: Walk): Cause | undefined {
  if (!failure || rung === undefined) return undefined;
  return {
    service,
    rung,
    failure,
    side: errorCatalogue[failure.code].side,
    confidence: confirmed ? confidence.confirmed : confidence.walkOnly,
  };
}

/** Whether two causes are one: the same code about the same thing (a context, a host, a variable). */
export function sameCause(left: Failure, right: Failure): boolean {
  if (left.code !== right.code) return false;
  const shared = ["context", "host", "server", "variables", "variable", "command", "key_file"].find(
    (name) => left.facts?.[name] !== undefined,
  );
  return shared !== undefined && String(left.facts?.[shared]) === String(right.facts?.[shared]);
}
