import type { Failure } from "#domain/connectivity-error.ts";
import { sshTo } from "#domain/diagnosis/remedies/words.ts";
import type { SshService } from "#domain/spec/service.ts";
import type { Workspace } from "../engine/workspace.ts";

/** Where a service lies, for the commands that a person pastes, as `remediesFor` takes it. */
export function whereabouts(workspace: Workspace, service: string): NonNullable<Failure["facts"]> {
  const spec = workspace.declaration(service)?.spec;
  if (spec?.technology === "ssh") {
    // A hop that is a service of the file is known to us alone.
    const jumps =
      spec.via?.some((hop) => workspace.declaration(hop) !== undefined) === true ? undefined : (spec.via ?? []);
    const ssh = sshOf(spec, jumps);
    return { service, host: spec.connection.host, ssh, ...(jumps && { ssh_by_hops: ssh }) };
  }
  if (spec === undefined) return { service };
  const { context, namespace } = spec.connection;
  return { namespace, ...(context !== undefined && { context }) };
}

/** OpenSSH to the service's own server, with what the service says beyond `~/.ssh/config`. */
const sshOf = ({ connection: { host, port, user, keyFile } }: SshService, jumps: readonly string[] = []): string =>
  sshTo({ host, port, jumps, ...(user !== undefined && { user }), ...(keyFile !== undefined && { keyFile }) });
