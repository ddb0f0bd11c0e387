import * as z from "zod";
import { parseDurationMs } from "../duration.ts";

/** A duration between two bounds, written as a number of seconds or as `"30s"`, `"500ms"`, `"2m"`; milliseconds after parsing. */
export function duration(minMs: number, maxMs: number): z.ZodType<number, string | number> {
  return z.union([z.number(), z.string()]).transform((value, context) => {
    const ms = parseDurationMs(value);
    if (ms === undefined) {
      context.issues.push({
        code: "custom",
        input: value,
        message: "expected a number of seconds, or a duration such as 30s, 500ms or 2m",
      });
      return z.NEVER;
    }
    if (ms < minMs || ms > maxMs) {
      context.issues.push({
        code: "custom",
        input: value,
        message: `expected between ${minMs / 1000} s and ${maxMs / 1000} s`,
      });
      return z.NEVER;
    }
    return ms;
  });
}

/** A TCP port that something listens on. */
export const port = z.int().min(1).max(65_535);

/**
 * A service's or an environment's name: letters, digits, `-`, `_`; it starts with a letter or a digit, so that it is
 * never taken for an option, and has no space or dot, so that it can stand in a host name and a URI.
 */
export const declaredName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    "expected letters, digits, - and _ (at most 63), starting with a letter or a digit",
  );

/**
 * A credential as a template: `${env:NAME}`, `${file:PATH}`, `${command:…}` or, in a file only, the text itself. It is
 * resolved at the last moment, when a connection is dialled, and never stored, logged or shown.
 */
export const secretTemplate = z.string();

/** Keys whose values are credentials: they keep their template, and their text is never shown. */
const credentialPaths = [/^connection\.(?:password|passphrase)$/, /^health_check\.config\.(?:password|headers\.[^]+)$/];

/** What becomes of references in a value of a service (`path` without the service, keys joined with dots). */
export function templateUse(path: string): "credential" | "export" | "ordinary" {
  if (credentialPaths.some((pattern) => pattern.test(path))) return "credential";
  // Filled in when a program gets its variables: a secret among them is shown to nobody else.
  return path.startsWith("exports.") ? "export" : "ordinary";
}
