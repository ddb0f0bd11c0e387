import type { VariableLookup } from "#application/ports/config-source.ts";
import { bracedParts, parseTemplate, resolveEnvTemplate, type TemplatePart } from "#domain/references.ts";
import type { Position } from "#domain/spec/configuration.ts";
import { templateUse } from "#domain/spec/scalars.ts";
import { canonicalTemplate } from "./localport-variables.ts";
import { formatPath, type Dialect, type LocatedScalar, type Path, type Report } from "./located.ts";
import { shownText } from "./problem-text.ts";
import { typeScalar, typeYaml11, typeYaml12 } from "./scalar-types.ts";

export interface RawScalar {
  readonly position: Position;
  readonly text: string;
  readonly plain: boolean;
}

export interface ScalarContext {
  readonly dialect: Dialect;
  readonly lookup: VariableLookup;
  readonly report: Report;
  /** Takes the names of variables that ordinary fields refer to. */
  readonly variables: Set<string>;
}

const variableName = /^[A-Za-z_]\w*$/;

/**
 * A scalar with its references replaced and its type read after that, so that no value of a variable becomes YAML.
 * Credential fields and exports keep their template as text.
 */
export function resolveScalar(raw: RawScalar, path: Path, context: ScalarContext): LocatedScalar {
  const use = useOf(path);
  const template = templateOf(raw, path, use, context);
  const parts = parseTemplate(template);
  checkReferences(raw, path, use, parts, context);
  const scalar = { kind: "scalar" as const, position: raw.position, text: raw.text, plain: raw.plain };
  if (use !== "ordinary") {
    const empty = raw.plain && typeScalar(raw.text, context.dialect) === null;
    return { ...scalar, value: empty ? null : template };
  }
  for (const part of parts) if (part.kind === "env" && part.name !== "") context.variables.add(part.name);
  const resolved = resolveEnvTemplate(template, context.lookup);
  if (!resolved.ok) {
    // What is no name has been reported as such.
    const missing = resolved.missing.filter((name) => context.dialect === "localport" || variableName.test(name));
    return { ...scalar, value: raw.text, ...(missing.length > 0 && { missing }) };
  }
  const replaced = { ...scalar, ...(parts.some(({ kind }) => kind === "env") && { resolved: resolved.value }) };
  if (!raw.plain) return { ...replaced, value: resolved.value };
  warnOfYaml11(raw, path, context);
  return { ...replaced, value: typeReplaced(resolved.value, parts, context.dialect) };
}

/** What a value of the file is for; see `templateUse`. */
function useOf(path: Path): ReturnType<typeof templateUse> {
  if (path[0] === "services") return templateUse(path.slice(2).join("."));
  return path[0] === "defaults" ? templateUse(path.slice(1).join(".")) : "ordinary";
}

function templateOf(raw: RawScalar, path: Path, use: string, context: ScalarContext): string {
  if (context.dialect === "portwright") return raw.text;
  const { template, shellDefaults } = canonicalTemplate(raw.text, use === "export" ? ["host", "port"] : []);
  for (const name of shellDefaults) {
    context.report({
      ...raw.position,
      severity: "warning",
      code: "config_invalid",
      message: `\${${name}:-…} is read as \${${name}:…}; write it with the colon alone, LocalPort keeps the minus sign`,
      path: formatPath(path),
    });
  }
  return template;
}

/** A default that was quoted for YAML, which LocalPort parses after replacing, loses its quotes. */
function typeReplaced(value: string, parts: readonly TemplatePart[], dialect: Dialect): LocatedScalar["value"] {
  const text = value.trim();
  const [only] = parts;
  const isDefault = parts.length === 1 && only?.kind === "env" && only.fallback?.trim() === text;
  if (dialect === "localport" && isDefault && /^(["']).*\1$/.test(text)) return text.slice(1, -1);
  return typeScalar(text, dialect);
}

function checkReferences(
  raw: RawScalar,
  path: Path,
  use: string,
  parts: readonly TemplatePart[],
  { dialect, report }: ScalarContext,
): void {
  if (dialect === "localport") return;
  const problem = { ...raw.position, code: "config_invalid" as const, path: formatPath(path) };
  for (const part of parts) {
    if (part.kind === "env" && !variableName.test(part.name)) {
      const text = shownText(part.source);
      report({
        ...problem,
        severity: "error",
        message: "expected the name of an environment variable: ${env:NAME}",
        ...(text !== undefined && use === "ordinary" && { text }),
      });
    } else if ((part.kind === "file" || part.kind === "command") && use === "ordinary") {
      report({
        ...problem,
        severity: "error",
        message: `\${${part.kind}:…} is read in credential fields only (password, passphrase, headers); use \${env:NAME} here`,
      });
    } else if (part.kind === "text" && isLocalPortVariable(part.text, use)) {
      report({
        ...problem,
        severity: "warning",
        message: "${…} is plain text here; a variable is written ${env:NAME} or ${env:NAME:default}",
      });
    }
  }
}

const isLocalPortVariable = (text: string, use: string): boolean =>
  bracedParts(text, () => true).some(
    ({ body }) =>
      /^\s*[A-Za-z_]\w*\s*(?::|$)/.test(body.slice(0, 200)) &&
      !(use === "export" && (body === "host" || body === "port")),
  );

function warnOfYaml11({ text, position }: RawScalar, path: Path, { dialect, report }: ScalarContext): void {
  if (dialect === "localport" || text.includes("${") || Object.is(typeYaml11(text), typeYaml12(text))) return;
  const shown = shownText(text, String(path.at(-1)));
  report({
    ...position,
    severity: "warning",
    code: "config_invalid",
    message: `this is ${described(typeYaml12(text))} here and ${described(typeYaml11(text))} in YAML 1.1; write it plainly, or in quotes`,
    path: formatPath(path),
    ...(shown !== undefined && { text: shown }),
  });
}

const described = (value: LocatedScalar["value"]): string => (typeof value === "string" ? "text" : String(value));
