import { bracedParts } from "#domain/references.ts";

/**
 * LocalPort's variables, `${NAME}` and `${NAME:default}`: any text up to the first `}`, on one line. LocalPort replaces
 * them in the raw text before YAML sees it, so they may stand where YAML allows no brace.
 */
function replaceVariables(text: string, replace: (whole: string, body: string) => string): string {
  let result = "";
  let end = 0;
  for (const { start, close, body } of bracedParts(text, () => true, /[}\n\r]/g)) {
    // `${}` is no variable.
    if (body === "") continue;
    result += text.slice(end, start) + replace(text.slice(start, close + 1), body);
    end = close + 1;
  }
  return result + text.slice(end);
}

/** Marks a masked variable; then two characters that count it, then padding up to its own length. */
const mark = "\uE000";
const padding = "\uE001";
const firstDigit = 0xe010;
const base = 0x1000;
const masked = /\uE000([\uE010-\uF00F])([\uE010-\uF00F])\uE001*/g;

export interface MaskedText {
  /** Of the same length, so that every position stays what it is. */
  readonly text: string;
  /** Puts the variables back into a piece of it. */
  readonly restore: (piece: string) => string;
}

/** Hides variables from the YAML parser behind characters that mean nothing to it. */
export function maskVariables(source: string): MaskedText {
  const sources: string[] = [];
  const text = replaceVariables(source, (match) => {
    const index = sources.push(match) - 1;
    if (index >= base * base) return match;
    const count = String.fromCodePoint(firstDigit + Math.floor(index / base), firstDigit + (index % base));
    return `${mark}${count}`.padEnd(match.length, padding);
  });
  const restore = (piece: string): string =>
    piece.replaceAll(masked, (whole, high: string, low: string) => {
      const index = ((high.codePointAt(0) ?? 0) - firstDigit) * base + (low.codePointAt(0) ?? 0) - firstDigit;
      return sources[index] ?? whole;
    });
  return { text, restore };
}

export interface CanonicalTemplate {
  readonly template: string;
  /** Names that were written with `:-`, which LocalPort does not understand; read as people mean it. */
  readonly shellDefaults: readonly string[];
}

/**
 * LocalPort's variables as `${env:NAME:default}`. The name is trimmed, the default is not; `keep` names references that
 * stay (`${host}` and `${port}` of exports).
 */
export function canonicalTemplate(text: string, keep: readonly string[] = []): CanonicalTemplate {
  const shellDefaults: string[] = [];
  const template = replaceVariables(text, (whole, body) => {
    if (keep.includes(body)) return whole;
    const colon = body.indexOf(":");
    if (colon < 0) return `\${env:${body.trim()}}`;
    const name = body.slice(0, colon).trim();
    const rest = body.slice(colon + 1);
    if (!rest.startsWith("-")) return `\${env:${name}:${rest}}`;
    shellDefaults.push(name);
    return `\${env:${name}:${rest.slice(1)}}`;
  });
  return { template, shellDefaults };
}
