import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { PersonRequest } from "#application/usecases/person-request.ts";
import { wireVersion, type ControlVerb, type HelloLine } from "./wire.ts";

export type Opening =
  | { readonly kind: "hello"; readonly hello: HelloLine }
  | { readonly kind: "control"; readonly version: string; readonly verb: ControlVerb };

const verbs: ReadonlySet<string> = new Set<ControlVerb>(["status", "stop", "hand_over"]);
const longestName = 200;
const longestPath = 4096;

/**
 * The first line of a connection. Unknown keys are ignored, so that a newer shim can say more.
 * @throws ConnectivityError `invalid_arguments` when it is none; the message never repeats what was sent
 */
export function parseOpening(line: string): Opening {
  const said = parseObject(line);
  if (said === undefined) throw refused("the first line must be a JSON object that says hello");
  if (said["portwright"] !== wireVersion) throw refused(`the first line must say "portwright": ${wireVersion}`);
  const version = text(said, "version", longestName);
  if ("control" in said) {
    const verb = said["control"];
    if (typeof verb !== "string" || !verbs.has(verb))
      throw refused(`"control" must be one of ${[...verbs].join(", ")}`);
    return { kind: "control", version, verb: verb as ControlVerb };
  }
  const cwd = text(said, "cwd", longestPath);
  if (!cwd.startsWith("/")) throw refused('"cwd" must be an absolute path');
  const hello: HelloLine = {
    portwright: wireVersion,
    version,
    id: text(said, "id", longestName),
    cwd,
    client: text(said, "client", longestName),
    config: optionalText(said, "config", longestPath),
    timeZone: optionalText(said, "timeZone", longestName),
    terminal: said["terminal"] === true,
    env: environment(said["env"]),
    ...("person" in said && { person: personRequest(said["person"]) }),
  };
  return { kind: "hello", hello };
}

type Said = Readonly<Record<string, unknown>>;

function parseObject(line: string): Said | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Said) : undefined;
  } catch {
    return undefined;
  }
}

function text(said: Said, key: string, longest: number): string {
  const value = said[key];
  if (typeof value !== "string" || value === "" || value.length > longest || value.includes("\0")) {
    throw refused(`"${key}" must be text of 1 to ${longest} characters`);
  }
  return value;
}

const optionalText = (said: Said, key: string, longest: number): string | undefined =>
  said[key] === undefined ? undefined : text(said, key, longest);

/** What a person says, word by word: nothing else gets through. */
function personRequest(value: unknown): PersonRequest {
  const said = typeof value === "object" && value !== null ? (value as Said) : {};
  const ask = said["ask"];
  if (ask === "trust_keys" || ask === "distrust" || ask === "propose") return { ask };
  if (ask === "plan") return { ask, plan: text(said, "plan", longestName) };
  if (ask === "trust") return { ask, digest: text(said, "digest", longestName) };
  if (ask === "approve")
    return { ask, plan: text(said, "plan", longestName), digest: text(said, "digest", longestName) };
  if (ask === "ssh_login") return { ask, host: text(said, "host", longestName) };
  throw refused('"person" must ask propose, plan, approve, trust_keys, trust, distrust or ssh_login');
}

/** Only text values; the object has no prototype, so that a variable called `__proto__` is a variable. */
function environment(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused('"env" must be an object');
  const env = Object.create(null) as Record<string, string>;
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry !== "string") throw refused('"env" must hold text only');
    env[name] = entry;
  }
  return env;
}

const refused = (message: string): ConnectivityError => new ConnectivityError("invalid_arguments", message);
