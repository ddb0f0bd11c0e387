import { findCycles } from "#domain/dependency-order.ts";
import { nearestName } from "#domain/names.ts";
import {
  formatPath,
  keyPositionAt,
  nodeAt,
  positionAt,
  type Dialect,
  type Located,
  type Path,
  type Report,
} from "./located.ts";
import { shownName } from "./problem-text.ts";
import type { ReadService } from "./read-service.ts";

/** What services say about each other: names and ports that come twice, unknown names, cycles. */
export function checkRelations(services: readonly ReadService[], dialect: Dialect, report: Report): void {
  checkNames(services, dialect, report);
  checkPorts(services, dialect, report);
  checkDependencies(services, report);
  checkCycles(services, report);
}

const severityOf = (dialect: Dialect): "error" | "warning" => (dialect === "localport" ? "warning" : "error");

function checkNames(services: readonly ReadService[], dialect: Dialect, report: Report): void {
  const first = new Map<string, ReadService>();
  for (const service of services) {
    const { name } = service.declaration;
    const other = first.get(name);
    if (!other) {
      first.set(name, service);
      continue;
    }
    const { line } = other.declaration.position;
    const then = dialect === "localport" ? `; this one is called ${secondName(name, services)}` : "";
    report({
      ...service.declaration.position,
      severity: severityOf(dialect),
      code: "config_invalid",
      message: `another service, in line ${line}, has this name${then}; give each its own`,
      path: formatPath([...service.path, "name"]),
      text: shownName(name),
    });
  }
}

/** A name for a service of LocalPort's whose name is taken: it ran both. */
export function secondName(name: string, services: readonly ReadService[]): string {
  const taken = new Set(services.map(({ declaration }) => declaration.name));
  let number = 2;
  while (taken.has(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}

function checkPorts(services: readonly ReadService[], dialect: Dialect, report: Report): void {
  const taken = new Map<number, ReadService[]>();
  for (const service of services) {
    const { localPort, listen, enabled } = service;
    if (!enabled || localPort === 0) continue;
    const others = taken.get(localPort) ?? [];
    const other = others.find(
      (known) => known.listen === listen || known.listen === "localhost" || listen === "localhost",
    );
    taken.set(localPort, [...others, service]);
    if (!other) continue;
    const { name, position } = other.declaration;
    report({
      ...positionAt(service.map, ["local_port"]),
      severity: severityOf(dialect),
      code: "duplicate_local_port",
      message: `local port ${localPort} belongs to ${shownName(name)} (line ${position.line}) already; choose another, or leave local_port out for a free one`,
      path: formatPath([...service.path, "local_port"]),
      text: String(localPort),
    });
  }
}

function checkDependencies(services: readonly ReadService[], report: Report): void {
  const names = services.map(({ declaration }) => declaration.name);
  const known = new Set(names);
  for (const service of services) {
    for (const [index, dependency] of service.dependsOn.entries()) {
      if (known.has(dependency)) continue;
      report(unknownService(dependency, names, service.map, service.path, ["depends_on", index]));
    }
  }
}

export function unknownService(
  name: string,
  names: readonly string[],
  root: Located,
  base: Path,
  path: Path,
): Parameters<Report>[0] {
  // As it was written: the value of a variable is not shown.
  const node = nodeAt(root, path);
  const written = shownName(node?.kind === "scalar" ? node.text : name);
  const nearest = nearestName(name, names);
  return {
    ...positionAt(root, path),
    severity: "error",
    code: "unknown_service",
    message: `there is no service ${written}`,
    path: formatPath([...base, ...path]),
    text: written,
    ...(nearest !== undefined && { nearest }),
  };
}

function checkCycles(services: readonly ReadService[], report: Report): void {
  const byName = new Map(services.map((service) => [service.declaration.name, service]));
  const cycles = findCycles([...byName.keys()], (name) => byName.get(name)?.dependsOn ?? []);
  for (const cycle of cycles) {
    const [name = ""] = cycle;
    const service = byName.get(name);
    if (!service) continue;
    report({
      ...keyPositionAt(service.map, ["depends_on"]),
      severity: "error",
      code: "dependency_cycle",
      message: `these services wait for each other: ${clipped(cycle).join(" → ")}; remove one depends_on`,
      path: formatPath([...service.path, "depends_on"]),
    });
  }
}

const clipped = (cycle: readonly string[]): readonly string[] =>
  (cycle.length > 12 ? [...cycle.slice(0, 10), "…", cycle.at(-1) ?? ""] : cycle).map(shownName);
