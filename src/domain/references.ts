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

const kinds = ["env", "file", "command"] as const;

/** A `${…}` in a text: where it begins, where its `}` stands, and what is between. */
export interface Braced {
  readonly start: number;
  readonly close: number;
  readonly body: string;
}

/**
 * Every `${…}` that `accept` takes (given the offset of its body), from left to right, none inside another. Linear in
 * the text, whatever it holds: a regular expression would look for each missing `}` again.
 * @param within ends a reference before its `}`, as a line break does in LocalPort's files
 */
export function bracedParts(text: string, accept: (bodyStart: number) => boolean, within = /\}/g): Braced[] {
  const parts: Braced[] = [];
  let end = -1;
  for (let start = text.indexOf("${"); start >= 0;) {
    const bodyStart = start + 2;
    if (end < bodyStart) {
      within.lastIndex = bodyStart;
      end = within.exec(text)?.index ?? text.length;
    }
    const isReference = text[end] === "}" && accept(bodyStart);
    if (isReference) parts.push({ start, close: end, body: text.slice(bodyStart, end) });
    start = text.indexOf("${", isReference ? end + 1 : bodyStart);
  }
  return parts;
}

/** What a template consists of, in order. Joining `text` and `source` of all parts gives the template again. */
export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  const kindAt = (offset: number) => kinds.find((kind) => template.startsWith(`${kind}:`, offset));
  for (const { start, close, body } of bracedParts(template, (offset) => kindAt(offset) !== undefined)) {
    const kind = kindAt(start + 2) ?? "env";
    if (start > end) parts.push({ kind: "text", text: template.slice(end, start) });
    parts.push(referencePart(kind, body.slice(kind.length + 1), template.slice(start, close + 1)));
    end = close + 1;
  }
  if (end < template.length) parts.push({ kind: "text", text: template.slice(end) });
  return parts;
}

function referencePart(kind: (typeof kinds)[number], body: string, source: string): TemplatePart {
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
