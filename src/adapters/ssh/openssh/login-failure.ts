import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { loginCommand, trustCommand } from "../person-commands.ts";
import { wordless } from "../handshake-failure.ts";
import type { SshSettings } from "../settings.ts";
import type { LoginLog } from "./login-log.ts";

/** What is known of a login besides OpenSSH's words. */
export interface LoginCircumstances {
  /** As `certificateFacts` tells them. */
  readonly certificates: Facts;
  /** Something was asked for that no reference answers. */
  readonly wantsPerson: boolean;
}

/**
 * Why an OpenSSH ended before it was ready, by what it said; its text stands only under `untrusted`. What went wrong before
 * the server itself was heard, on a way that OpenSSH goes by itself, is the way's.
 */
export function loginFailure(log: LoginLog, settings: SshSettings, known: LoginCircumstances): ConnectivityError {
  const error = ownFailure(log, settings, known);
  const { proxyJump, proxyCommand } = settings.resolved;
  if ((!proxyJump && proxyCommand === undefined) || log.fact("identification") !== undefined) return error;
  if (error.code === "config_invalid") return error;
  const hop = proxyJump?.map(({ host }) => host).join(", ") ?? "ProxyCommand";
  const options = error.untrusted === undefined ? {} : { untrusted: error.untrusted };
  const facts = { host: settings.host, port: settings.port, driver: "openssh", hop };
  if (!error.retryable)
    return new ConnectivityError(error.code, `on the way, at ${hop}: ${error.message}`, facts, options);
  return new ConnectivityError(
    "ssh_jump_failed",
    `the way to ${settings.name} by ${hop} cannot be used`,
    { ...facts, because: error.code },
    options,
  );
}

function ownFailure(log: LoginLog, settings: SshSettings, known: LoginCircumstances): ConnectivityError {
  const { host, port, user, name } = settings;
  const where = `${host}:${port}`;
  const reached: Facts = { host, port, driver: "openssh" };
  const options = log.said === undefined ? {} : { untrusted: log.said };
  const error = (code: ConnectivityError["code"], message: string, facts: Facts = {}): ConnectivityError =>
    new ConnectivityError(code, message, { ...reached, ...facts }, options);

  if (log.saw("host_key_changed") || log.saw("host_key_revoked")) return hostKeyError(log, settings, error);
  if (log.saw("host_key_unknown") || log.saw("host_key_refused")) return hostKeyError(log, settings, error);
  if (log.saw("unresolved")) return error("host_unresolved", `the name ${host} could not be resolved`);
  if (log.saw("refused")) {
    return error("host_unreachable", `${where} could not be reached: nothing listens there`, { errno: "ECONNREFUSED" });
  }
  if (log.saw("no_route")) {
    return error("host_unreachable", `${where} could not be reached: the network refused`, { errno: "ENETUNREACH" });
  }
  if (log.saw("timed_out")) {
    return error("host_unreachable", `${where} could not be reached: no answer`, { errno: "ETIMEDOUT" });
  }
  if (log.saw("full")) return error("ssh_session_limit", `${where} takes no further logins at the moment`);
  if (log.saw("no_banner")) {
    return error("host_unreachable", `${where} accepted the connection but sent no SSH banner`, { banner: "none" });
  }
  if (log.saw("no_common"))
    return error("protocol_mismatch", `${where} speaks SSH, but no common algorithms were found`, { layer: "ssh" });
  if (log.saw("not_ssh") || (log.saw("other_banner") && log.phase !== "authenticated" && log.methods.length === 0)) {
    return error("protocol_mismatch", `${where} does not speak SSH 2`, { layer: "ssh" });
  }
  if (log.saw("denied") || log.saw("too_many") || known.wantsPerson) return refusedLogin(log, settings, known, error);
  if (log.saw("bad_configuration")) {
    return error("config_invalid", `OpenSSH does not accept the configuration of ${name}`);
  }
  if (log.saw("broke_off") && log.fact("identification") === undefined && !log.saw("other_banner")) {
    return error("host_unreachable", wordless(where), { banner: "none", closed_by_server: true });
  }
  if (log.phase === "start" || log.phase === "connected") {
    return error("host_unreachable", `${where} broke off before the login`);
  }
  return error("host_unreachable", `${where} broke off during the login as ${user}`, { phase: "login" });
}

type MakeError = (code: ConnectivityError["code"], message: string, facts?: Facts) => ConnectivityError;

function hostKeyError(log: LoginLog, settings: SshSettings, error: MakeError): ConnectivityError {
  const where = `${settings.host}:${settings.port}`;
  const facts: Facts = {
    ...(log.fact("fingerprint") !== undefined && { fingerprint: log.fact("fingerprint") ?? "" }),
    ...(log.fact("key_type") !== undefined && { key_type: log.fact("key_type") ?? "" }),
    known_hosts_file: log.fact("offending_file") ?? settings.knownHostsFiles[0] ?? "",
  };
  if (log.saw("host_key_revoked")) {
    return error("host_key_changed", `${where} presented a host key that is marked as revoked`, {
      ...facts,
      revoked: true,
    });
  }
  if (log.saw("host_key_changed")) {
    const line = log.fact("offending_line");
    return error(
      "host_key_changed",
      `${where} presented another host key than the one that is known for it: it was reinstalled, or somebody is in between`,
      {
        ...facts,
        ...(line !== undefined && { known_hosts_line: Number(line) }),
        trust_command: trustCommand(settings),
      },
    );
  }
  return error(
    "host_key_unknown",
    `the host key of ${where} is in no known_hosts file; a person must compare its fingerprint and trust it`,
    { ...facts, trust_command: trustCommand(settings) },
  );
}

/** What the server takes of what a person types, unless `~/.ssh/config` forbids it. */
function typedMethods(log: LoginLog, { resolved }: SshSettings): string[] {
  return log.methods.filter(
    (name) =>
      (name === "keyboard-interactive" && resolved.keyboardInteractiveAuthentication) ||
      (name === "password" && resolved.passwordAuthentication),
  );
}

/** Whether what is missing is a person, judged as for a login by ssh2. */
function missesPerson(log: LoginLog, typed: readonly string[], { wantsPerson }: LoginCircumstances): boolean {
  if (wantsPerson) return true;
  if (log.saw("partial")) return typed.some((name) => !log.tried.includes(name));
  return typed.length > 0 && typed.length === log.methods.length && !typed.some((name) => log.tried.includes(name));
}

function refusedLogin(
  log: LoginLog,
  settings: SshSettings,
  known: LoginCircumstances,
  error: MakeError,
): ConnectivityError {
  const { user, agentSocket, keysNamed, name } = settings;
  const { certificates } = known;
  const typed = typedMethods(log, settings);
  const facts: Facts = {
    user,
    tried: log.tried,
    offered_by_server: log.methods,
    ...certificates,
    ...(log.saw("partial") && { partly_accepted: true }),
    ...(log.saw("too_many") && { too_many_attempts: true }),
    ...(log.saw("agent_refused") && { agent_refused_to_sign: true }),
    ...(typed.length > 0 && { login_command: loginCommand(settings) }),
  };
  if (missesPerson(log, typed, known)) {
    const message = `${name} asks ${user} for what only a person types; log in once at a terminal`;
    return error("ssh_login_required", message, { ...facts, host: name });
  }
  if (log.saw("key_permissions")) {
    return error(
      "ssh_key_unreadable",
      "a private key can be read by others, so OpenSSH does not use it (chmod 600)",
      facts,
    );
  }
  if (certificates["certificate_expired"] !== undefined) {
    return error("ssh_certificate_expired", `the SSH certificate for ${user} has expired`, facts);
  }
  if (log.saw("no_identity") && log.tried.length === 0) {
    return error("ssh_key_missing", "there is no key file of the name that is set", facts);
  }
  if (log.saw("key_unreadable") && log.tried.length === 0) {
    return error("ssh_key_unreadable", "the private key cannot be read", facts);
  }
  if (log.saw("agent_gone") && agentSocket !== undefined && !keysNamed && log.tried.length === 0) {
    return error("ssh_agent_unavailable", "the SSH agent does not answer", { ...facts, socket: agentSocket });
  }
  const refused =
    log.tried.length === 0
      ? `the server takes none of what there is to log in with as ${user}`
      : `the server refused all that was offered to log in as ${user}`;
  const because =
    certificates["certificate_not_yet_valid"] !== undefined
      ? "; the SSH certificate is not valid yet"
      : certificates["certificate_for_others"] !== undefined
        ? `; the SSH certificate does not name ${user}`
        : "";
  return error("ssh_authentication_failed", `${refused}${because}`, facts);
}
