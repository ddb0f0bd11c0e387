import pino from "pino";

/** A structured log, one JSON object a line. Never throws. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
  /** The same log with facts on every line, such as the component. */
  child(facts: Record<string, unknown>): Log;
}

/** Keys whose values never reach the log, at the top and one level down. */
const secretKeys = [
  "env",
  "password",
  "passphrase",
  "token",
  "secret",
  "authorization",
  "cookie",
  "privateKey",
  "credentials",
];

const stderrFd = 2;

/** Writes to stderr at once (a line is there even when the process is killed right after); `PORTWRIGHT_LOG_LEVEL` sets the level. */
export function openLog(options: {
  readonly level?: string | undefined;
  readonly version: string;
  /** Default: stderr. */
  readonly descriptor?: number;
}): Log {
  const destination = pino.destination({ fd: options.descriptor ?? stderrFd, sync: true });
  // A full disk must not end the daemon.
  destination.on("error", () => {});
  return pino(
    {
      level: options.level !== undefined && Object.hasOwn(pino.levels.values, options.level) ? options.level : "info",
      base: { pid: process.pid, version: options.version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`]), censor: "[redacted]" },
    },
    destination,
  );
}
