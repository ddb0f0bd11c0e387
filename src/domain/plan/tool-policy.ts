import { ConnectivityError } from "../connectivity-error.ts";
import { parseTemplate } from "../references.ts";
import { templateUse } from "../spec/scalars.ts";
import { isRawMap, type RawMap, type RawValue } from "./raw-configuration.ts";

/** Keys that only a person writes into the file: they run programs, or say whom to believe. */
const personalKeys = /(?:^|\.)(?:proxy_command|command|exec|known_hosts_file)(?:\.|$)/;

/**
 * Checks what a tool wants to set in a service or environment.
 * @throws ConnectivityError `refused_by_policy`: a key that runs a program, `${file:…}` or `${command:…}`, a reference
 * outside of credential fields, a credential in plain text
 */
export function checkToolValues(name: string, set: RawMap): void {
  visit(set, [], (path, value) => {
    const at = path.join(".");
    if (personalKeys.test(at) && !at.startsWith("exports.") && value !== null) {
      throw refused(`${at} of ${name} may only be set by a person, in the file`, name, at);
    }
    if (at === "health_check.type" && value === "command") {
      throw refused(`a command check (${name}) may only be set by a person, in the file`, name, at);
    }
    if (typeof value !== "string") return;
    const use = templateUse(at);
    const kinds = parseTemplate(value).map(({ kind }) => kind);
    if (kinds.some((kind) => kind === "file" || kind === "command")) {
      throw refused(`a \${file:…} or \${command:…} reference (${at} of ${name}) may only be set by a person`, name, at);
    }
    const hasReference = kinds.includes("env");
    if (hasReference && use !== "credential") {
      throw refused(`a change by a tool may hold references in credential fields only, not in ${at}`, name, at);
    }
    const isSecret =
      /\.(?:password|passphrase)$/.test(at) || /\.headers\.(?:authorization|cookie|x-api-key)$/i.test(at);
    if (use === "credential" && isSecret && !hasReference && value !== "") {
      throw refused(
        `write ${at} as a reference such as \${env:NAME}: a tool sets no credential in plain text`,
        name,
        at,
      );
    }
    if (/^[a-z][a-z0-9+.-]*:\/\/[^/\s]*:[^/\s]*@/i.test(value)) {
      throw refused(`${at} of ${name} holds a password in a URL; a tool sets no credential in plain text`, name, at);
    }
  });
}

function visit(
  value: RawValue,
  path: readonly string[],
  look: (path: readonly string[], value: RawValue) => void,
): void {
  look(path, value);
  if (isRawMap(value)) for (const [key, item] of Object.entries(value)) visit(item, [...path, key], look);
  else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly RawValue[]).entries()) visit(item, [...path, String(index)], look);
  }
}

const refused = (message: string, service: string, key: string): ConnectivityError =>
  new ConnectivityError("refused_by_policy", message, { service, key });
