import { writeSync } from "node:fs";

/** A structured log, one JSON object a line. Never throws. Ours, because a library for it costs an idle daemon 0.6 MB. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The same log with facts on every line, such as the component. */
  child(facts: Record<string, unknown>): Log;
}

/** Keys whose values never reach the log, at the top and one level down. */
const secretKeys = new Set([
  "env",
  "password",
  "passphrase",
  "token",
  "secret",
  "authorization",
  "cookie",
  "privateKey",
  "credentials",
]);

const stderrFd = 2;
const levels = ["debug", "info", "warn", "error", "silent"] as const;
type Level = (typeof levels)[number];

/** Of an error and what caused it. */
const mostCauses = 5;

/** Writes to stderr at once (a line is there even when the process is killed right after); `PORTWRIGHT_LOG_LEVEL` sets the level. */
export function openLog(options: {
  readonly level?: string | undefined;
  readonly version: string;
  /** Default: stderr. */
  readonly descriptor?: number;
}): Log {
  const least = levels.indexOf(options.level as Level);
  const from = least === -1 ? levels.indexOf("info") : least;
  const descriptor = options.descriptor ?? stderrFd;
  const write = (level: Level, bound: object, facts: object, msg: string): void => {
    if (levels.indexOf(level) < from) return;
    const base = { level, time: new Date().toISOString(), pid: process.pid, version: options.version };
    try {
      writeSync(descriptor, `${line({ ...base, ...shown(bound), ...shown(facts), msg }, { ...base, msg })}\n`);
    } catch {
      // A full disk, or a reader that is gone, must not end the daemon.
    }
  };
  const bind = (bound: object): Log => ({
    debug: (facts, message) => write("debug", bound, facts, message),
    info: (facts, message) => write("info", bound, facts, message),
    warn: (facts, message) => write("warn", bound, facts, message),
    error: (facts, message) => write("error", bound, facts, message),
    child: (facts) => bind({ ...bound, ...facts }),
  });
  return bind({});
}

/** @param without what stands in for facts that cannot be written, such as circular ones */
function line(whole: object, without: object): string {
  try {
    return JSON.stringify(whole);
  } catch {
    return JSON.stringify(without);
  }
}

const shown = (facts: object): object => redacted(facts, (value) => redacted(value, (inner) => inner));

/** A copy without secrets; `within` looks at objects in it. */
function redacted(object: object, within: (value: object) => unknown): object {
  const entries = Object.entries(object).map(([key, value]: [string, unknown]) => {
    if (secretKeys.has(key)) return [key, "[redacted]"];
    if (value instanceof Error) return [key, redacted(errorFacts(value), (inner) => inner)];
    const isPlain = typeof value === "object" && value !== null && !Array.isArray(value);
    return [key, isPlain ? within(value) : value];
  });
  return Object.fromEntries(entries) as object;
}

/** Type, message and own facts of an error, with the stacks of it and its causes. */
function errorFacts(error: Error): object {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < mostCauses; at = at.cause) {
    stacks.push(at.stack ?? at.message);
  }
  const { cause: _, ...own } = error;
  return { ...own, type: error.name, message: error.message, stack: stacks.join("\ncaused by: ") };
}
