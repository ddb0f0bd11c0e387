import { ConnectivityError } from "#domain/connectivity-error.ts";
import { errnoOf } from "./errors.ts";
import type { ServerIdentification } from "./server-identification.ts";

interface Reached {
  readonly host: string;
  readonly port: number;
  /** It ended the connection; else our time was over. */
  readonly closed: boolean;
}

/** TCP came about, and nothing was said: what it can be. */
export const wordless = (where: string): string =>
  `${where} accepted the connection and closed it without a word: it is full (MaxStartups), refuses this address, or is a proxy with nothing behind it`;

/** The TCP connection stands, the SSH one did not come about. */
export function handshakeFailure(
  identification: ServerIdentification,
  { host, port, closed }: Reached,
  cause: unknown,
): ConnectivityError {
  const facts = { host, port };
  const where = `${host}:${port}`;
  const { received } = identification;
  if (received === undefined) {
    const errno = errnoOf(cause);
    return new ConnectivityError(
      "host_unreachable",
      closed ? wordless(where) : `${where} accepted the connection but sent no SSH banner`,
      { ...facts, banner: "none", ...(closed && { closed_by_server: true }), ...(errno !== undefined && { errno }) },
      { cause },
    );
  }
  if (identification.serverIsFull) {
    return new ConnectivityError("ssh_session_limit", `${where} takes no further logins at the moment`, facts, {
      cause,
    });
  }
  if (!identification.speaksSsh2) {
    const options = { cause, untrusted: received };
    const spoken = { ...facts, layer: "ssh" };
    return new ConnectivityError("protocol_mismatch", `${where} does not speak SSH 2`, spoken, options);
  }
  const { level } = (cause ?? {}) as { level?: string };
  if (level === "handshake" || level === "protocol") {
    return new ConnectivityError(
      "protocol_mismatch",
      `${where} speaks SSH, but no common algorithms were found`,
      { ...facts, layer: "ssh", server: identification.software },
      { cause },
    );
  }
  return new ConnectivityError(
    "host_unreachable",
    `${where} broke off before the login`,
    { ...facts, server: identification.software },
    { cause },
  );
}
