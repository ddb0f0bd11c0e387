/**
 * References in values: `${env:NAME}`, `${env:NAME:default}`, `${file:PATH}`, `${command:PROGRAM ARGUMENTS}`. One pass,
 * no nesting, no escape; a reference ends at the first `}`. Any other `${…}` is text.
 */
export type TemplatePart =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "env";
      /** Trimmed; may be empty in a file of LocalPort's. */
      readonly name: string;
      /** Not trimmed; absent: the variable must be set. */
      readonly fallback?: string;
      /** As it was written. */
      readonly source: string;
    }
  | { readonly kind: "file"; readonly path: string; readonly source: string }
  | { readonly kind: "command"; readonly command: string; readonly source: string };

const reference = /\$\{(env|file|command):([^}]*)\}/g;

/** What a template consists of, in order. Joining `text` and `source` of all parts gives the template again. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of template.matchAll(reference)) {
    if (match.index > end) parts.push({ kind: "text", text: template.slice(end, match.index) });
    parts.push(referencePart(match[1] ?? "", match[2] ?? "", match[0]));
    end = match.index + match[0].length;
  }
  if (end < template.length) parts.push({ kind: "text", text: template.slice(end) });
  return parts;
}

function referencePart(kind: string, body: string, source: string): TemplatePart {
  if (kind === "file") return { kind, path: body.trim(), source };
  if (kind === "command") return { kind, command: body.trim(), source };
  const colon = body.indexOf(":");
  if (colon < 0) return { kind: "env", name: body.trim(), source };
  return { kind: "env", name: body.slice(0, colon).trim(), fallback: body.slice(colon + 1), source };
}

/** Whether a value holds a reference that is not its own text. */
export const hasReference = (template: string): boolean => parseTemplate(template).some(({ kind }) => kind !== "text");

export type EnvResolution =
  | { readonly ok: true; readonly value: string }
  /** Names of the variables that are not set and have no default. */
  | { readonly ok: false; readonly missing: readonly string[] };

/**
 * A template with its `env` references replaced. A set but empty variable wins over the default; what a variable holds
 * is not looked at again. References to files and commands stay as they are: resolving them is not pure.
 */
export function resolveEnvTemplate(template: string, lookup: (name: string) => string | undefined): EnvResolution {
  const missing: string[] = [];
  const value = parseTemplate(template)
    .map((part) => {
      if (part.kind === "text") return part.text;
      if (part.kind !== "env") return part.source;
      const found = part.name === "" ? part.fallback : (lookup(part.name) ?? part.fallback);
      if (found === undefined) missing.push(part.name);
      return found ?? "";
    })
    .join("");
  return missing.length > 0 ? { ok: false, missing: [...new Set(missing)] } : { ok: true, value };
}
