import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { SshSettings } from "../settings.ts";

export interface MasterParts {
  readonly settings: SshSettings;
  /** Path of the control socket. */
  readonly control: string;
  /** The configuration file that ssh reads in place of its own ones; `undefined` for its own. */
  readonly configFile: string | undefined;
  /** Keys to offer beside those that ssh finds by itself. */
  readonly keyFiles: readonly string[];
  /** A program that stands for the TCP connection; `undefined` where ssh finds its own way. */
  readonly proxyProgram: string | undefined;
  readonly keepaliveMs: number;
  readonly keepaliveCount: number;
  readonly connectTimeoutMs: number;
  /** A person answers what is asked. */
  readonly typed?: boolean;
}

/** What is printed in detail whatever the log level: the functions that tell a channel's life. */
const logged = [
  "channels.c:channel_input_open_confirmation():*",
  "channels.c:channel_input_open_failure():*",
  "channels.c:channel_post_port_listener():*",
  "nchan.c:chan_rcvd_ieof():*",
  "nchan.c:chan_rcvd_oclose():*",
  "nchan.c:chan_shutdown_write():*",
].join(",");

/**
 * The arguments of a connection that others open channels over (`-M`), without a session of its own. It reads the
 * person's configuration itself, so that what only OpenSSH knows (ciphers, GSSAPI, tokens of hardware) holds too; what
 * Portwright decides is said here and wins.
 * @throws ConnectivityError `config_invalid` for a value that cannot be said to OpenSSH
 */
export function masterArguments(parts: MasterParts): string[] {
  const { settings } = parts;
  const { resolved } = settings;
  const prompts = parts.typed === true || settings.password !== undefined || settings.passphrase !== undefined;
  const options: [string, string][] = [
    ["ControlPersist", "no"],
    ["LogLevel", "DEBUG1"],
    ["LogVerbose", logged],
    ["ClearAllForwardings", "yes"],
    ["ExitOnForwardFailure", "no"],
    ["StreamLocalBindUnlink", "yes"],
    ["StreamLocalBindMask", "0177"],
    ["ForwardAgent", "no"],
    ["ForwardX11", "no"],
    ["PermitLocalCommand", "no"],
    ["Tunnel", "no"],
    ["RequestTTY", "no"],
    ["RemoteCommand", "none"],
    ["ForkAfterAuthentication", "no"],
    ["VisualHostKey", "no"],
    // known_hosts changes only by a person's word.
    ["UpdateHostKeys", "no"],
    ["CheckHostIP", "no"],
    ["StrictHostKeyChecking", resolved.strictHostKeyChecking === "accept-new" ? "accept-new" : "yes"],
    ...(settings.hostKeyName === settings.host || resolved.hostKeyAlias !== undefined
      ? []
      : ([["HostKeyAlias", settings.hostKeyName]] satisfies [string, string][])),
    ["UserKnownHostsFile", files(settings.knownHostsFiles)],
    ["GlobalKnownHostsFile", "none"],
    ["ServerAliveInterval", String(Math.ceil(parts.keepaliveMs / 1000))],
    ["ServerAliveCountMax", String(parts.keepaliveCount)],
    ["ConnectTimeout", String(Math.max(1, Math.round(parts.connectTimeoutMs / 1000)))],
    ["ConnectionAttempts", "1"],
    // One secret, one try; a person may mistype.
    ["NumberOfPasswordPrompts", parts.typed === true ? "3" : "1"],
    ["BatchMode", prompts ? "no" : "yes"],
    ["IdentityAgent", settings.agentSocket === undefined ? "none" : quoted(settings.agentSocket)],
    ...(settings.password === undefined && parts.typed !== true
      ? ([
          ["PasswordAuthentication", "no"],
          ["KbdInteractiveAuthentication", "no"],
        ] satisfies [string, string][])
      : []),
    ...parts.keyFiles.map((file): [string, string] => ["IdentityFile", quoted(file)]),
    ...(parts.proxyProgram === undefined ? [] : ([["ProxyCommand", parts.proxyProgram]] satisfies [string, string][])),
  ];
  return [
    ...["-M", "-N", "-T", "-S", parts.control],
    ...(parts.configFile === undefined ? [] : ["-F", parts.configFile]),
    ...options.flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...["-l", settings.user, "-p", String(settings.port), "--", settings.name],
  ];
}

/** One argument of a configuration line: in quotes, `%` doubled. */
function quoted(value: string): string {
  // A `"` or `\` within quotes can be escaped only in newer versions; no path of a person has them by accident.
  if (/["\\\p{Cc}]/u.test(value)) {
    throw new ConnectivityError("config_invalid", "a path has characters that OpenSSH cannot be told", {});
  }
  return `"${value.replaceAll("%", "%%")}"`;
}

const files = (paths: readonly string[]): string => (paths.length === 0 ? "none" : paths.map(quoted).join(" "));

/** The arguments of a question to a connection that stands (`-O`). */
export const controlArguments = (control: string, command: string, ...rest: readonly string[]): string[] => [
  ...["-F", "none", "-S", control, "-O", command],
  ...rest,
  // It has to be named; the control socket decides.
  "portwright",
];
