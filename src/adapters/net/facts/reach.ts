import { lookup } from "node:dns/promises";
import net from "node:net";
import os from "node:os";
import tls from "node:tls";
import type { FactKinds } from "#domain/diagnosis/fact.ts";

/** A single question waits no longer for its answer. */
const answerMs = 2500;

const errnoOf = (error: unknown): string => {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: readonly unknown[] };
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,40}$/.test(code)) return code;
  return errors?.map(errnoOf).find((errno) => errno !== "") ?? "";
};

/** Addresses of this machine beyond loopback and link-local ones. */
export function interfaces(): FactKinds["interfaces"] {
  const all = Object.values(os.networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return { count: all.filter(({ internal, address }) => !internal && !/^(fe80|169\.254)/i.test(address)).length };
}

/** Resolves a name as programs do (hosts file, DNS). Never rejects. */
export async function lookUpName(host: string, signal: AbortSignal): Promise<FactKinds["name"]> {
  if (net.isIP(host) !== 0) return { host, addresses: [host] };
  const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
  const late = Promise.withResolvers<never>();
  const onAbort = (): void => late.reject(Object.assign(new DOMException("late"), { code: "ETIMEDOUT" }));
  limit.addEventListener("abort", onAbort, { once: true });
  try {
    const addresses = await Promise.race([lookup(host, { all: true }), late.promise]);
    return { host, addresses: addresses.map(({ address }) => address) };
  } catch (error) {
    return { host, addresses: [], errno: limit.aborted ? "ETIMEDOUT" : errnoOf(error) || "ENOTFOUND" };
  } finally {
    limit.removeEventListener("abort", onAbort);
  }
}

/** Opens a TCP connection and closes it. Never rejects; `errno` says why none came about. */
export function reachPort(host: string, port: number, signal: AbortSignal): Promise<FactKinds["tcp"]> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, autoSelectFamily: true });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const done = (errno?: string): void => {
      limit.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve({ host, port, ...(errno !== undefined && { errno }) });
    };
    const onAbort = (): void => done("ETIMEDOUT");
    limit.addEventListener("abort", onAbort, { once: true });
    socket.once("connect", () => done());
    socket.once("error", (error) => done(errnoOf(error) || "ECONNREFUSED"));
  });
}

export interface TlsExpectation {
  readonly serverName?: string | undefined;
  readonly ca?: Buffer | undefined;
}

/** Shakes hands and looks at the certificate; `reason` says why it is not trusted, or why there was no handshake. Never rejects. */
export function lookAtTls(
  host: string,
  port: number,
  { serverName, ca }: TlsExpectation,
  signal: AbortSignal,
): Promise<FactKinds["tls"]> {
  return new Promise((resolve) => {
    const name = serverName ?? host;
    const socket = tls.connect({
      host,
      port,
      // Looked at, nothing is sent over it.
      rejectUnauthorized: false,
      ...(net.isIP(name) === 0 && { servername: name }),
      ...(ca && { ca }),
    });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const done = (data: Partial<FactKinds["tls"]>): void => {
      limit.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve({ host, port, ...data });
    };
    const onAbort = (): void => done({ reason: "ETIMEDOUT" });
    limit.addEventListener("abort", onAbort, { once: true });
    socket.once("error", (error) => done({ reason: errnoOf(error) || "EPROTO" }));
    socket.once("secureConnect", () => {
      const certificate = socket.getPeerX509Certificate();
      // A code of OpenSSL, though typed as an error.
      const refused = socket.authorized ? undefined : (socket.authorizationError as unknown);
      const reason = typeof refused === "string" ? refused : refused === undefined ? undefined : errnoOf(refused);
      const nameProblem = certificate && !nameFits(certificate, name) ? "ERR_TLS_CERT_ALTNAME_INVALID" : undefined;
      const why = reason ?? nameProblem;
      done({
        ...(why !== undefined && why !== null && { reason: why === "" ? "CERT_UNTRUSTED" : why }),
        ...(certificate && {
          notBeforeMs: Date.parse(certificate.validFrom),
          notAfterMs: Date.parse(certificate.validTo),
          selfSigned: certificate.checkIssued(certificate),
        }),
      });
    });
  });
}

const nameFits = (
  certificate: NonNullable<ReturnType<tls.TLSSocket["getPeerX509Certificate"]>>,
  name: string,
): boolean => (net.isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;

/** What a server says by itself after a connection: its first bytes, or nothing within `waitMs`. Never rejects. */
export function firstWords(host: string, port: number, waitMs: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, autoSelectFamily: true });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(waitMs)]);
    const done = (bytes: Buffer): void => {
      limit.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(bytes);
    };
    const onAbort = (): void => done(Buffer.alloc(0));
    limit.addEventListener("abort", onAbort, { once: true });
    socket.once("data", done);
    socket.once("error", () => done(Buffer.alloc(0)));
    socket.once("end", () => done(Buffer.alloc(0)));
  });
}
