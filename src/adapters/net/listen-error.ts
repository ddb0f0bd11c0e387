import type { PortOwners } from "#application/ports/port-owner.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";

const codeOf = (thrown: unknown): string | undefined => (thrown as NodeJS.ErrnoException | undefined)?.code;

/** Why a local port could not be opened, or a connection not be accepted, by the system's error code. */
export async function listenError(
  thrown: unknown,
  host: string,
  port: number,
  portOwners: PortOwners,
): Promise<ConnectivityError> {
  const facts = { host, port };
  const options = { cause: thrown };
  switch (codeOf(thrown)) {
    case "EADDRINUSE": {
      const owner = await portOwners.find(port).catch(() => undefined);
      const by = owner?.program ?? "another program";
      const pid = owner?.pid === undefined ? "" : ` (pid ${owner.pid})`;
      const message = `local port ${port} is taken by ${by}${pid}`;
      return new ConnectivityError("local_port_in_use", message, { ...facts, ...owner }, options);
    }
    case "EACCES":
    case "EPERM":
      return new ConnectivityError(
        "local_port_privileged",
        `local port ${port} needs more rights than this user has: choose one above 1023`,
        facts,
        options,
      );
    case "EMFILE":
    case "ENFILE":
    case "ENOBUFS":
    case "ENOMEM":
      return tooManyOpenFiles(host, port, thrown);
    default:
      return new ConnectivityError(
        "local_address_unavailable",
        `this machine has no address ${host} to listen on`,
        facts,
        options,
      );
  }
}

/** The limit of open files is reached: at `listen`, or when a connection is accepted. */
export const tooManyOpenFiles = (host: string, port: number, cause: unknown): ConnectivityError =>
  new ConnectivityError(
    "too_many_open_files",
    "the limit of open files is reached: close connections, or raise it (ulimit -n)",
    { host, port },
    { cause },
  );
