import { environmentSchema, type EnvironmentSpec } from "#domain/spec/environment.ts";
import { childOf, formatPath, plainValue, positionAt, type Dialect, type Located, type Report } from "./located.ts";
import { without } from "./parse-service.ts";
import { shownName } from "./problem-text.ts";
import type { ReadService } from "./read-service.ts";
import { unknownService } from "./relations.ts";
import { schemaProblems } from "./schema-problems.ts";

/**
 * The environments of a file, each with the names of its services in order: those declared, or one, `default`, with all
 * enabled services; then one for each tag that no other environment is called after. Disabled services are left out.
 */
export function readEnvironments(
  declared: Located | undefined,
  services: readonly ReadService[],
  dialect: Dialect,
  report: Report,
): EnvironmentSpec[] {
  const environments = declared?.kind === "list" ? readDeclared(declared.items, services, dialect, report) : [];
  if (declared === undefined) environments.push(environment("default", enabledNames(services), { default: true }));
  const known = new Set(environments.map(({ name }) => name));
  const tags = new Set(services.flatMap(({ tags }) => tags));
  for (const tag of tags) {
    if (known.has(tag)) continue;
    // Called so, it is meant so: changes there want a person, unless the file declares it otherwise.
    const production = /^(?:prod|production)$/i.test(tag);
    environments.push(environment(tag, enabledNames(services, [tag]), { tags: [tag], production }));
  }
  return environments;
}

const environment = (
  name: string,
  services: string[],
  rest: { default?: boolean; tags?: string[]; production?: boolean },
): EnvironmentSpec => ({ name, services, tags: [], default: false, production: false, ...rest });

const enabledNames = (services: readonly ReadService[], tags?: readonly string[]): string[] =>
  services
    .filter((service) => service.enabled && (tags === undefined || service.tags.some((tag) => tags.includes(tag))))
    .map(({ declaration }) => declaration.name);

function readDeclared(
  items: readonly Located[],
  services: readonly ReadService[],
  dialect: Dialect,
  report: Report,
): EnvironmentSpec[] {
  const environments: EnvironmentSpec[] = [];
  for (const [index, item] of items.entries()) {
    const spec = readOne(item, index, dialect, report);
    if (!spec) continue;
    const problem = { severity: "error" as const, code: "config_invalid" as const };
    if (environments.some(({ name }) => name === spec.name)) {
      const message = "another environment has this name; give each its own";
      report({
        ...problem,
        ...positionAt(item, ["name"]),
        message,
        path: formatPath(["environments", index, "name"]),
        text: spec.name,
      });
    }
    if (spec.default && environments.some((other) => other.default)) {
      const message = "another environment is the default already; keep one default: true";
      report({
        ...problem,
        ...positionAt(item, ["default"]),
        message,
        path: formatPath(["environments", index, "default"]),
      });
    }
    environments.push({ ...spec, services: membersOf(spec, item, index, services, report) });
  }
  return environments;
}

function readOne(item: Located, index: number, dialect: Dialect, report: Report): EnvironmentSpec | undefined {
  let root = item;
  for (let round = 0; round < 2; round++) {
    const result = environmentSchema.safeParse(plainValue(root));
    if (result.success) return result.data;
    const { issues } = result.error;
    for (const problem of schemaProblems(issues, { root, base: ["environments", index], dialect })) report(problem);
    const unknown = issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : []));
    if (root.kind !== "map") return undefined;
    root = unknown.reduce((map, key) => without(map, [key]), root);
  }
  return undefined;
}

function membersOf(
  spec: EnvironmentSpec,
  item: Located,
  index: number,
  services: readonly ReadService[],
  report: Report,
): string[] {
  const byName = new Map(services.map((service) => [service.declaration.name, service]));
  const members = new Set<string>();
  for (const [place, name] of spec.services.entries()) {
    const service = byName.get(name);
    if (!service) report(unknownService(name, [...byName.keys()], item, ["environments", index], ["services", place]));
    else if (service.enabled) members.add(name);
    else {
      const message = "this service is disabled (enabled: false) and is left out";
      const path = formatPath(["environments", index, "services", place]);
      const at = positionAt(item, ["services", place]);
      report({ ...at, severity: "warning", code: "config_invalid", message, path, text: shownName(name) });
    }
  }
  const tagged = enabledNames(services, spec.tags);
  for (const name of tagged) members.add(name);
  const tags = childOf(item, "tags");
  if (spec.tags.length > 0 && tagged.length === 0 && tags) {
    const message = "no enabled service has one of these tags";
    report({
      ...tags.position,
      severity: "warning",
      code: "config_invalid",
      message,
      path: formatPath(["environments", index, "tags"]),
    });
  }
  return [...members];
}
