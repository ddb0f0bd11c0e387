import { readFile } from "node:fs/promises";
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
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Conversation } from "./conversation.ts";
import { closedWithoutByte, evidence, failure, tooLate } from "./failures.ts";

export interface TlsWish {
  /** Whom the certificate must name, when that is asked for. */
  readonly name: string;
  /** `none`: any certificate; `chain`: issued by somebody trusted; `full`: for this name too. */
  readonly verify: "none" | "chain" | "full";
  readonly access: Access;
  readonly signal: AbortSignal;
}

/**
 * TLS over a stream: trusted are the system's and Node's authorities and those of the client's `SSL_CERT_FILE` and
 * `NODE_EXTRA_CA_CERTS`.
 * @throws ConnectivityError `certificate_expired`, `certificate_name_mismatch`, `certificate_untrusted`, `protocol_mismatch`
 */
export async function secure(stream: Duplex, { name, verify, access, signal }: TlsWish): Promise<TLSSocket> {
  const socket = await handshake(stream, name, signal, verify === "none" ? undefined : await trust(access));
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
  secureContext?: SecureContext,
): Promise<TLSSocket> {
  const server = isIP(name) === 0 ? { servername: name } : { host: name };
  const socket = connect({
    socket: stream,
    ...server,
    ...(secureContext && { secureContext }),
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
    socket.on("error", (error) => done(() => reject(handshakeError(error))));
    socket.once("close", () => done(() => reject(closedWithoutByte())));
    // The stream's own error says more than what TLS makes of it.
    stream.on("error", (error) => done(() => reject(handshakeError(error))));
    if (signal.aborted) late();
  });
  return socket;
}

/** The same for a conversation; refuses bytes that came before the handshake, which somebody in between may have put there. */
export async function startTls(conversation: Conversation, wish: TlsWish): Promise<void> {
  if (conversation.held.length > 0) throw handshakeError();
  await conversation.replace((stream) => secure(stream, wish));
}

function handshakeError(cause?: Error): ConnectivityError {
  if (cause instanceof ConnectivityError) return cause;
  const code = cause !== undefined && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNRESET" || code === "EPIPE") return closedWithoutByte();
  const alert = /^ERR_SSL_(?:TLSV1|SSLV3)_ALERT_/.test(code);
  if (alert) {
    const message = "the target refused the TLS handshake";
    return new ConnectivityError(
      "protocol_mismatch",
      message,
      { expected: "tls", alert: code.slice(8).toLowerCase() },
      { cause },
    );
  }
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

/** Days until a certificate ends; `undefined` when it does not say. */
export function daysLeft(socket: TLSSocket, nowMs: number): number | undefined {
  const ms = Date.parse(socket.getPeerCertificate().valid_to ?? "");
  return Number.isNaN(ms) ? undefined : Math.floor((ms - nowMs) / 86_400_000);
}

/** Building a context parses some hundred certificates, so the last one is kept. */
let last: { readonly extra: string; readonly context: SecureContext } | undefined;

/** The client's own files are read anew for each handshake: a person who adds an authority is believed at once. */
async function trust(access: Access): Promise<SecureContext> {
  const files = [access.env("SSL_CERT_FILE"), access.env("NODE_EXTRA_CA_CERTS")].filter((file) => file !== undefined);
  const extra = (await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")))).join("\n");
  if (last?.extra !== extra) {
    const ca = [...getCACertificates("default"), ...getCACertificates("system"), extra].filter((text) => text !== "");
    last = { extra, context: createSecureContext({ ca }) };
  }
  return last.context;
}
