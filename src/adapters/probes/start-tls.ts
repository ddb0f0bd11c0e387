import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import {
  connect,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { readBounded } from "#adapters/net/bounded-file.ts";
import type { Access } from "#application/ports/access.ts";
import type { ProbePath } from "#application/ports/probe.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import type { Conversation } from "./conversation.ts";
import { closedWithoutByte, evidence, failure, tooLate } from "./failures.ts";
import { alertError } from "./tls-alerts.ts";

const dayMs = 86_400_000;

/** All authorities that systems trust are about 250 kB. */
const mostAuthorityBytes = 8 * 1024 * 1024;

export interface TlsWish {
  /** Whom the certificate must name, when that is asked for. */
  readonly name: string;
  /** `none`: any certificate; `chain`: issued by somebody trusted; `full`: for this name too. */
  readonly verify: "none" | "chain" | "full";
  readonly access: Access;
  readonly signal: AbortSignal;
  /** Protocols to agree on (RFC 7301), the best first. */
  readonly alpn?: readonly string[];
}

/** What a check's configuration asks of TLS. */
export const wishOf = (
  config: { readonly server_name?: string | undefined; readonly verify_ssl?: boolean },
  path: Pick<ProbePath, "host">,
  context: { readonly access: Access; readonly signal: AbortSignal },
): TlsWish => ({
  name: config.server_name ?? path.host,
  verify: config.verify_ssl === false ? "none" : "full",
  access: context.access,
  signal: context.signal,
});

/**
 * TLS over a stream: trusted are the system's and Node's authorities and those of the client's `SSL_CERT_FILE` and
 * `NODE_EXTRA_CA_CERTS`.
 * @throws ConnectivityError `certificate_expired`, `certificate_name_mismatch`, `certificate_untrusted`, `protocol_mismatch`,
 *   `application_auth_failed` (a client certificate is wanted)
 */
export async function secure(stream: Duplex, wish: TlsWish): Promise<TLSSocket> {
  const { name, verify, access, signal, alpn } = wish;
  const secureContext = verify === "none" ? undefined : await trust(access);
  const socket = await handshake(stream, name, signal, { secureContext, alpn });
  if (verify !== "none") judge(socket, name, verify);
  return socket;
}

/** Whether the other end speaks TLS at all. */
export const speaksTls = (stream: Duplex, name: string, signal: AbortSignal): Promise<boolean> =>
  handshake(stream, name, signal).then(
    () => true,
    () => false,
  );

/** The certificate is not looked at yet. */
async function handshake(
  stream: Duplex,
  name: string,
  signal: AbortSignal,
  options: { readonly secureContext?: SecureContext | undefined; readonly alpn?: readonly string[] | undefined } = {},
): Promise<TLSSocket> {
  const server = isIP(name) === 0 ? { servername: name } : { host: name };
  const socket = connect({
    socket: stream,
    ...server,
    ...(options.secureContext && { secureContext: options.secureContext }),
    ...(options.alpn && { ALPNProtocols: [...options.alpn] }),
    rejectUnauthorized: false,
  });
  await new Promise<void>((resolve, reject) => {
    const late = (): void => reject(tooLate(0));
    signal.addEventListener("abort", late, { once: true });
    const done = (settle: () => void): void => {
      signal.removeEventListener("abort", late);
      settle();
    };
    socket.once("secureConnect", () => done(resolve));
    // Stays: an error that nobody listens to would end the process.
    socket.on("error", (error) =>
      done(() => reject(alertError(error, { name, shown: hasShown(socket) }) ?? handshakeError(error))),
    );
    socket.once("close", () => done(() => reject(closedWithoutByte())));
    // The stream's own error says more than what TLS makes of it.
    stream.on("error", (error) => done(() => reject(handshakeError(error))));
    if (signal.aborted) late();
  });
  return socket;
}

/** The certificate of the other end came. */
const hasShown = (socket: TLSSocket): boolean => Object.keys(socket.getPeerCertificate() ?? {}).length > 0;

/** The same for a conversation; refuses bytes that came before the handshake, which somebody in between may have put there. */
export async function startTls(conversation: Conversation, wish: TlsWish): Promise<Facts> {
  if (conversation.held.length > 0) throw handshakeError();
  let facts: Facts = {};
  await conversation.replace(async (stream) => {
    const socket = await secure(stream, wish);
    facts = certificateFacts(socket, Date.now());
    return socket;
  });
  return facts;
}

function handshakeError(cause?: Error): ConnectivityError {
  if (cause instanceof ConnectivityError) return cause;
  const code = cause !== undefined && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNRESET" || code === "EPIPE") return closedWithoutByte();
  return new ConnectivityError("protocol_mismatch", "the target does not speak TLS", { expected: "tls" }, { cause });
}

function judge(socket: TLSSocket, name: string, verify: "chain" | "full"): void {
  // Its type says Error; it is the error's code.
  const problem = socket.authorizationError as unknown as string | undefined;
  if (socket.authorized || !problem) return;
  const certificate = socket.getPeerCertificate();
  const facts = { name, ...validity(certificate) };
  const said = evidence(`subject: ${String(certificate.subject?.CN)}; names: ${String(certificate.subjectaltname)}`);
  switch (problem) {
    case "CERT_HAS_EXPIRED":
      throw failure("certificate_expired", "the target's certificate has expired", facts, said);
    case "CERT_NOT_YET_VALID":
      throw failure(
        "certificate_expired",
        "the target's certificate is not valid yet",
        { ...facts, not_yet: true },
        said,
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      if (verify === "chain") return;
      throw failure("certificate_name_mismatch", `the target's certificate is not for ${name}`, facts, said);
    default:
      throw failure(
        "certificate_untrusted",
        "the target's certificate was issued by nobody that this machine trusts",
        { ...facts, reason: problem.toLowerCase() },
        said,
      );
  }
}

function validity({ valid_from, valid_to }: PeerCertificate): Record<string, string> {
  const iso = (text: string | undefined): string | undefined => {
    const ms = Date.parse(text ?? "");
    return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
  };
  const from = iso(valid_from);
  const to = iso(valid_to);
  return { ...(from !== undefined && { valid_from: from }), ...(to !== undefined && { valid_to: to }) };
}

/** When the certificate ends: whole days from now, and the moment; none when it does not say. */
export function certificateFacts(socket: TLSSocket, nowMs: number): Record<string, number> {
  const ms = Date.parse(socket.getPeerCertificate().valid_to ?? "");
  if (Number.isNaN(ms)) return {};
  return { certificate_days_left: Math.floor((ms - nowMs) / dayMs), not_after_ms: ms };
}

/** Building a context parses some hundred certificates, so the last one is kept. */
let last: { readonly extra: string; readonly context: SecureContext } | undefined;

/** A file that is no bundle of certificates, or is not there, adds none. */
async function authorities(file: string): Promise<string> {
  const bytes = await readBounded(file, mostAuthorityBytes).catch(() => undefined);
  return bytes === undefined || bytes.length > mostAuthorityBytes ? "" : bytes.toString("utf8");
}

/** The client's own files are read anew for each handshake: a person who adds an authority is believed at once. */
async function trust(access: Access): Promise<SecureContext> {
  const files = [access.env("SSL_CERT_FILE"), access.env("NODE_EXTRA_CA_CERTS")].filter((file) => file !== undefined);
  const extra = (await Promise.all(files.map((file) => authorities(file)))).join("\n");
  if (last?.extra !== extra) {
    const ca = [...getCACertificates("default"), ...getCACertificates("system"), extra].filter((text) => text !== "");
    last = { extra, context: createSecureContext({ ca }) };
  }
  return last.context;
}
