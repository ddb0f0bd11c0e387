import { timeZone } from "./time-zone.ts";
import { maxHelloBytes, wireVersion, type HelloLine } from "#server/daemon/wire.ts";

/** What stays free in a hello for all that is not the environment. */
const reservedBytes = 64 * 1024;

/** What this process says about itself to the daemon. */
export function clientHello(facts: {
  readonly id: string;
  readonly version: string;
  readonly client: string;
  readonly config?: string | undefined;
  readonly terminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}): HelloLine {
  const { env, ...rest } = facts;
  return {
    portwright: wireVersion,
    ...rest,
    timeZone: timeZone(env),
    env: fitting(env, maxHelloBytes - reservedBytes),
  };
}

/** The environment without its largest variables, where all of it would not fit in a hello. */
function fitting(env: Readonly<Record<string, string | undefined>>, maxBytes: number): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  // A character takes at most six bytes as JSON (\u0001): only a large environment is measured exactly.
  const bytes = (entry: [string, string]): number => Buffer.byteLength(JSON.stringify(entry));
  if (entries.reduce((sum, [name, value]) => sum + (name.length + value.length + 6) * 6, 0) <= maxBytes) {
    return Object.fromEntries(entries);
  }
  entries.sort((left, right) => bytes(left) - bytes(right));
  let total = 0;
  return Object.fromEntries(entries.filter((entry) => (total += bytes(entry)) <= maxBytes));
}

/** An id for this process, kept over its reconnects. It tells clients apart; it is no secret. */
export const newClientId = (): string =>
  `${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
