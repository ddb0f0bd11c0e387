import type { SshKeyFacts } from "#domain/ssh/key-care.ts";
import type { ConfigForward } from "#domain/ssh/importable-forward.ts";
import type { Access } from "./access.ts";

/** A service that goes by SSH, as far as hosts and keys are concerned. */
export interface SshUse {
  readonly service: string;
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  readonly keyFile: string | undefined;
}

/** An SSH host that the person's files or services name. */
export interface SshHostFound {
  readonly host: string;
  /** Where its name was found. */
  readonly from: string;
  readonly hostName?: string;
  readonly user?: string;
  readonly port?: number;
  /** Hops before it, outermost first. */
  readonly via?: readonly string[];
  /** Key files that are named for it. */
  readonly keyFiles?: readonly string[];
  /** Whether known_hosts has a key of it. */
  readonly known?: boolean;
  /** Why the configuration says nothing usable about it. */
  readonly problem?: string;
  readonly services: readonly string[];
  /** Forwards that `~/.ssh/config` names for it. */
  readonly forwards?: readonly ConfigForward[];
}

/** What a person has of SSH: hosts and keys, by their files. Connects to nothing, and runs no command of theirs. */
export interface SshInventory {
  /** @param limit how many at most */
  hosts(
    uses: readonly SshUse[],
    limit: number,
    context: { readonly access: Access; readonly signal: AbortSignal },
  ): Promise<{ readonly hosts: readonly SshHostFound[]; readonly total: number }>;
  keys(
    uses: readonly SshUse[],
    context: { readonly access: Access; readonly signal: AbortSignal },
  ): Promise<readonly SshKeyFacts[]>;
}
