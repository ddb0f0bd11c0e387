import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";

/** OpenSSL's names of alerts in Node's codes; its versions put another word before the same alert. */
const alertCode =
  /^ERR_SSL_(?:SSL\/TLS|SSLV3|TLSV1|TLSV13)_(?:ALERT_([A-Z_]{1,60})|(UNRECOGNIZED_NAME|UNSUPPORTED_EXTENSION))$/;

/** Alerts that a server sends about a client's certificate only (RFC 8446, 6.2). */
const aboutClient = new Set([
  "bad_certificate",
  "unsupported_certificate",
  "certificate_revoked",
  "certificate_expired",
  "certificate_unknown",
  "certificate_required",
  "unknown_ca",
  "access_denied",
]);

/**
 * What an alert of the target's means; `undefined` when the error is none. With TLS 1.3 one about the client comes after the
 * handshake has ended here.
 * @param shown the target had shown its certificate by then: a handshake that fails after that fails for the client's
 */
export function alertError(error: Error, { name, shown }: { readonly name?: string; readonly shown?: boolean } = {}) {
  const code = "code" in error ? String(error.code) : "";
  const [match, alerted, other] = alertCode.exec(code) ?? [];
  const old = code === "ERR_SSL_UNSUPPORTED_PROTOCOL" || code === "ERR_SSL_WRONG_SSL_VERSION";
  if (match === undefined && !old) return undefined;
  const alert = (alerted ?? other ?? "protocol_version").toLowerCase();
  const make = (
    meaning: "application_auth_failed" | "certificate_name_mismatch" | "protocol_mismatch",
    message: string,
    facts: Facts = {},
  ): ConnectivityError => new ConnectivityError(meaning, message, { ...facts, alert }, { cause: error });
  if (aboutClient.has(alert) || (alert === "handshake_failure" && shown === true))
    return make("application_auth_failed", "the target wants a client certificate, and a check has none", {
      wants: "client certificate",
    });
  if (alert === "unrecognized_name")
    return make("certificate_name_mismatch", `the target serves nobody by the name ${name ?? "that is asked for"}`, {
      ...(name !== undefined && { name }),
    });
  const message =
    alert === "protocol_version"
      ? "the target speaks only versions of TLS that are out of use (before 1.2)"
      : "the target refused the TLS handshake";
  return make("protocol_mismatch", message, { expected: "tls" });
}
