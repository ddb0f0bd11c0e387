import type { Failure } from "#domain/connectivity-error.ts";
import { sshTo } from "#domain/diagnosis/remedies/words.ts";
import type { SshService } from "#domain/spec/service.ts";
import type { Workspace } from "../engine/workspace.ts";

/** Where a service lies, for the commands that a person pastes, as `remediesFor` takes it. */
export function whereabouts(workspace: Workspace, service: string): NonNullable<Failure["facts"]> {
  const spec = workspace.declaration(service)?.spec;
  if (spec?.technology === "ssh") {
    return { service, host: spec.connection.host, ssh: sshOf(workspace, spec) };
  }
  if (spec === undefined) return { service };
  const { context, namespace } = spec.connection;
  return { namespace, ...(context !== undefined && { context }) };
}

/** OpenSSH to the service's own server, with what the service says beyond `~/.ssh/config`. */
function sshOf(workspace: Workspace, { connection, via }: SshService): string {
  const { host, port, user, keyFile } = connection;
  // A hop that is a service of the file is known to us alone.
  const jumps = via === undefined || via.some((hop) => workspace.declaration(hop) !== undefined) ? [] : via;
  return sshTo({
    host,
    port,
    jumps,
    ...(user !== undefined && { user }),
    ...(keyFile !== undefined && { keyFile }),
  });
}
