import type { Clock } from "#application/ports/clock.ts";
import type { FactSource } from "#application/ports/fact-source.ts";
import type { ForwardDriver } from "#application/ports/forward-driver.ts";
import { defaultLimits, type DialLimits } from "./dial.ts";
import { SshDriver } from "./driver.ts";
import { SshFacts } from "./facts/ssh-facts.ts";

export interface SshDriverOptions {
  readonly limits?: Partial<DialLimits>;
  /** How long a connection that nobody uses stays open for the next one. */
  readonly lingerMs?: number;
  /** How often a server that cannot be reached is tried for all that wait for it. */
  readonly retryGapMs?: number;
}

/** Long enough for a restart of a service to find it warm, short enough to leave no idle logins behind. */
const defaultLingerMs = 3000;

/** A host that comes back is seen within two of these; an attempt costs a TCP connection to it. */
const defaultRetryGapMs = 1000;

/** The driver of `technology: ssh`. Opens nothing until it is asked. */
export function createSshDriver(options: SshDriverOptions = {}): ForwardDriver {
  return new SshDriver(
    { ...defaultLimits, ...options.limits },
    {
      lingerMs: options.lingerMs ?? defaultLingerMs,
      retryGapMs: options.retryGapMs ?? defaultRetryGapMs,
      random: Math.random,
    },
  );
}

/** What a diagnosis asks about the way to an SSH server, beside the driver. */
export const createSshFacts = (clock: Clock): FactSource => new SshFacts(clock);
