import { ConnectivityError } from "#domain/connectivity-error.ts";

/** As ssh.c of OpenSSH, valid_hostname: what could be an option, or mean something to a shell. */
const unsafeInHost = /^-|[\s'`"$\\;&<>|(){},]|\p{Cc}/u;
/** The same for users (valid_ruser): `-` after a blank and `\` at the end as well. */
const unsafeInUser = /^-|['`";&<>|(){}]|\p{Cc}|\s-|\\$/u;

/**
 * Names from a workspace's file come into `Match exec` and `ProxyCommand` of the person's own file, which a shell runs.
 * @throws ConnectivityError `config_invalid`
 */
export function checkNames(host: string, user: string | undefined): void {
  if (host === "" || unsafeInHost.test(host)) {
    throw new ConnectivityError("config_invalid", "the name of the SSH host has characters that no host name has");
  }
  if (user !== undefined && unsafeInUser.test(user)) {
    throw new ConnectivityError("config_invalid", "the name of the SSH user has characters that no user name has");
  }
}
