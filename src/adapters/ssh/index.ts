import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import { defaultLimits, type DialLimits } from "./dial.ts";
import { SshDriver } from "./driver.ts";

export interface SshDriverOptions {
  readonly limits?: Partial<DialLimits>;
  /** How long a connection that nobody uses stays open for the next one. */
  readonly lingerMs?: number;
}

/** Long enough for a restart of a service to find it warm, short enough to leave no idle logins behind. */
const defaultLingerMs = 3000;

/** The driver of `technology: ssh`. Opens nothing until it is asked. */
export function createSshDriver(options: SshDriverOptions = {}): ForwardDriver {
  return new SshDriver({ ...defaultLimits, ...options.limits }, options.lingerMs ?? defaultLingerMs);
}
