import type { Configuration, ServiceDeclaration } from "../spec/configuration.ts";
import type { ServiceSpec } from "../spec/service.ts";
import { sameValue } from "./raw-configuration.ts";
import { sameTarget } from "./same-target.ts";

/** What of a service runs now, as far as a change of its declaration matters. */
export interface Running {
  readonly wanted: boolean;
  /** Forwarded connections that are open. */
  readonly connections: number;
  /** Other clients that want it up. */
  readonly otherClients: readonly string[];
}

/** What a change does to what runs. */
export interface Impact {
  readonly starts: readonly string[];
  readonly restarts: readonly string[];
  readonly stops: readonly string[];
  /** Services that run and keep their connections. */
  readonly untouched: number;
  readonly breaks_connections: number;
  readonly other_clients: readonly string[];
  /** Variables of programs: `+NAME` comes, `-NAME` goes, `~NAME` changes. */
  readonly env: readonly string[];
}

/** Keys that say nothing about the way to the target: a running link goes on when only they change. */
const besideTheLink = ["tags", "description", "exports", "dependsOn"] as const;

/** Whether a running service must be replaced to become what is declared now. */
export function needsNewLink(before: ServiceSpec, after: ServiceSpec): boolean {
  const strip = (spec: ServiceSpec): Record<string, unknown> => {
    const rest: Record<string, unknown> = { ...spec };
    for (const key of besideTheLink) delete rest[key];
    return rest;
  };
  return !sameValue(strip(before), strip(after));
}

/**
 * Names of the services that must be replaced to become what is declared now: those that lead elsewhere, and those whose
 * way (`via`) leads through one of them, or through one that came or went.
 */
export function relinked(
  before: ReadonlyMap<string, ServiceSpec>,
  after: ReadonlyMap<string, ServiceSpec>,
): ReadonlySet<string> {
  const moved = new Set<string>();
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name), after.get(name)];
    if (!was || !is || needsNewLink(was, is)) moved.add(name);
  }
  const through = [...after].filter(([, { via = [] }]) => via.some((hop) => before.has(hop) || after.has(hop)));
  for (let size = -1; size !== moved.size;) {
    size = moved.size;
    for (const [name, { via = [] }] of through) if (via.some((hop) => moved.has(hop))) moved.add(name);
  }
  return new Set([...moved].filter((name) => before.has(name) && after.has(name)));
}

type Step = "start" | "restart" | "stop" | "untouched";

/**
 * The steps from what runs to what is declared, service by service; services that do not run and are not to start have
 * none. `starting`: names that are to be started beside what runs.
 */
export function planSteps(
  before: Pick<Configuration, "services">,
  after: Pick<Configuration, "services">,
  running: (name: string) => Running,
  starting: readonly string[],
): ReadonlyMap<string, Step> {
  const old = byName(before);
  const now = byName(after);
  const specs = (services: ReadonlyMap<string, ServiceDeclaration>): Map<string, ServiceSpec> =>
    new Map([...services].flatMap(([name, { spec }]) => (spec ? [[name, spec] as const] : [])));
  const moved = relinked(specs(old), specs(now));
  const steps = new Map<string, Step>();
  for (const name of new Set([...old.keys(), ...now.keys()])) {
    const { wanted } = running(name);
    const canRun = now.get(name)?.spec?.enabled === true;
    if (!wanted) {
      if (canRun && starting.includes(name)) steps.set(name, "start");
      continue;
    }
    const [was, is] = [old.get(name)?.spec, now.get(name)?.spec];
    const ran = was?.enabled === true;
    if (!canRun) {
      if (ran) steps.set(name, "stop");
    } else if (!ran || was === undefined || is === undefined) steps.set(name, "start");
    else steps.set(name, moved.has(name) ? "restart" : "untouched");
  }
  return steps;
}

/** The same steps with what they cost: connections, other clients, variables. */
export function impactOf(
  before: Pick<Configuration, "services">,
  after: Pick<Configuration, "services">,
  running: (name: string) => Running,
  starting: readonly string[],
): Impact {
  const steps = planSteps(before, after, running, starting);
  const named = (step: Step): string[] => [...steps].flatMap(([name, other]) => (other === step ? [name] : []));
  const [restarts, stops] = [named("restart"), named("stop")];
  const hurt = [...restarts, ...stops].map(running);
  const [old, now] = [byName(before), byName(after)];
  const cut = (name: string): boolean => {
    const [was, is] = [old.get(name)?.spec, now.get(name)?.spec];
    return !was || !is || !sameTarget(was, is);
  };
  const broken = [...restarts.filter(cut), ...stops].map(running);
  return {
    starts: named("start"),
    restarts,
    stops,
    untouched: named("untouched").length,
    breaks_connections: broken.reduce((sum, { connections }) => sum + connections, 0),
    other_clients: [...new Set(hurt.flatMap(({ otherClients }) => otherClients))],
    env: variableChanges(before, after),
  };
}

const byName = ({ services }: Pick<Configuration, "services">): Map<string, ServiceDeclaration> =>
  new Map(services.map((service) => [service.name, service]));

function variableChanges(before: Pick<Configuration, "services">, after: Pick<Configuration, "services">): string[] {
  const variables = ({ services }: Pick<Configuration, "services">): Map<string, string> =>
    new Map(services.flatMap(({ spec }) => Object.entries(spec?.exports ?? {})));
  const [old, now] = [variables(before), variables(after)];
  const come = [...now].flatMap(([name, value]) =>
    old.has(name) ? (old.get(name) === value ? [] : [`~${name}`]) : [`+${name}`],
  );
  const go = [...old.keys()].flatMap((name) => (now.has(name) ? [] : [`-${name}`]));
  return [...come, ...go];
}
