import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";

/** What ssh2 and Node put on their errors. The text is never looked at. */
interface UpstreamError {
  /** errno name of a socket, or the reason number of SSH_MSG_DISCONNECT. */
  readonly code?: string | number;
  readonly level?: string;
  /** The reason of SSH_MSG_CHANNEL_OPEN_FAILURE. */
  readonly reason?: number | string;
  /** Of an AggregateError: one for each address that was tried. */
  readonly errors?: readonly UpstreamError[];
}

const upstream = (error: unknown): UpstreamError => (typeof error === "object" && error !== null ? error : {});

/** The errno of a socket error, also of one that tried several addresses. */
export function errnoOf(error: unknown): string | undefined {
  const { code, errors } = upstream(error);
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,30}$/.test(code)) return code;
  return errors?.map(errnoOf).find((errno) => errno !== undefined);
}

/** RFC 4254 §5.1; OpenSSH answers 1 for `AllowTcpForwarding no` and `PermitOpen`, 2 for every target that it cannot connect to. */
const channelOpenReasons = {
  administrativelyProhibited: 1,
  connectFailed: 2,
  unknownChannelType: 3,
  resourceShortage: 4,
};

/** Why a channel could not be opened. @param lost what ended the connection, when that is why */
export function channelOpenError(error: unknown, target: string, lost: unknown): ConnectivityError {
  const { reason } = upstream(error);
  const options = { cause: error };
  switch (reason) {
    case channelOpenReasons.administrativelyProhibited:
    case channelOpenReasons.unknownChannelType:
      return new ConnectivityError(
        "ssh_forwarding_prohibited",
        `the SSH server does not allow forwarding to ${target}`,
        { target, reason },
        options,
      );
    case channelOpenReasons.connectFailed:
      return new ConnectivityError(
        "target_unreachable",
        `the SSH server could not connect to ${target}${target.startsWith("/") ? " (or allows no sockets: AllowStreamLocalForwarding)" : ""}`,
        { target, reason },
        options,
      );
    case channelOpenReasons.resourceShortage:
      return new ConnectivityError(
        "ssh_session_limit",
        `the SSH server has no room for a further connection to ${target}`,
        { target, reason },
        options,
      );
    default:
      // No reason number: ssh2 made the error itself because the connection ended (or the server closed the channel unasked).
      return typeof reason === "number"
        ? new ConnectivityError("target_unreachable", `the SSH server refused ${target}`, { target, reason }, options)
        : connectionLost(lost ?? error);
  }
}

/** An established connection that ended without us. */
export function connectionLost(cause: unknown): ConnectivityError {
  const { level, code } = upstream(cause);
  const errno = errnoOf(cause);
  const facts: Facts = {
    ...(errno !== undefined && { errno }),
    ...(typeof code === "number" && { disconnect_reason: code }),
    ...(level === "client-timeout" && { keepalive: "unanswered" }),
  };
  const message =
    level === "client-timeout"
      ? "the SSH server stopped answering"
      : typeof code === "number"
        ? "the SSH server ended the connection"
        : "the SSH connection was lost";
  return new ConnectivityError("connection_lost", message, facts, { cause });
}

/** A TCP connection to the SSH server that was not made. */
export function tcpConnectError(error: unknown, host: string, port: number): ConnectivityError {
  const errno = errnoOf(error);
  const facts: Facts = { host, port, ...(errno !== undefined && { errno }) };
  const options = { cause: error };
  if (errno === "ENOTFOUND" || errno === "EAI_AGAIN" || errno === "EAI_FAIL" || errno === "EAI_NODATA") {
    return new ConnectivityError("host_unresolved", `the name ${host} could not be resolved`, facts, options);
  }
  if (errno === "EMFILE" || errno === "ENFILE") {
    return new ConnectivityError("too_many_open_files", "this process may open no further files", facts, options);
  }
  const why =
    errno === "ECONNREFUSED" ? "nothing listens there" : errno === "ETIMEDOUT" ? "no answer" : "the network refused";
  return new ConnectivityError("host_unreachable", `${host}:${port} could not be reached: ${why}`, facts, options);
}
