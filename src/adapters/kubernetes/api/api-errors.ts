import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";

/** What a request was for, in the words of Kubernetes' access rules. */
export interface RequestSubject {
  readonly verb: string;
  /** With its subresource: `pods/portforward`. */
  readonly resource: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

const untrustedLimit = 2048;
const certificateExpired = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
const certificateUntrusted = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "CERT_CHAIN_TOO_LONG",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name could not be looked up",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no network to it",
  ECONNRESET: "it broke the connection off",
  EPIPE: "it broke the connection off",
};

/** Whether an error came from the connection itself, before any answer. */
export function connectError(error: unknown, server: URL, context: string): ConnectivityError {
  if (error instanceof ConnectivityError) return error;
  const given: unknown = (error as NodeJS.ErrnoException | undefined)?.code;
  const timedOut = error instanceof Error && error.name === "TimeoutError";
  const code = timedOut ? "ETIMEDOUT" : typeof given === "string" ? given : "";
  const facts: Facts = { server: server.host, context, ...(code !== "" && { reason: code }) };
  const options = { cause: error };
  if (certificateExpired.has(code)) {
    return new ConnectivityError(
      "cluster_certificate_expired",
      "the certificate of the API server is out of its time",
      facts,
      options,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return new ConnectivityError(
      "cluster_tls_untrusted",
      "the certificate of the API server is for another name",
      facts,
      options,
    );
  }
  if (certificateUntrusted.has(code)) {
    return new ConnectivityError(
      "cluster_tls_untrusted",
      "the certificate of the API server is not signed by the authority that the kubeconfig names",
      facts,
      options,
    );
  }
  if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE_EXPIRED|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_REQUIRED)/.test(code)) {
    return new ConnectivityError(
      "credentials_rejected",
      "the API server refused the client certificate",
      facts,
      options,
    );
  }
  if (code.startsWith("ERR_OSSL") || code === "ERR_CRYPTO_INVALID_STATE") {
    return new ConnectivityError(
      "credentials_rejected",
      "the client certificate or key of the kubeconfig cannot be read",
      facts,
      options,
    );
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL") || code.startsWith("HPE_")) {
    return new ConnectivityError(
      "cluster_unreachable",
      "what answers at the API server's address is no API server",
      facts,
      options,
    );
  }
  const why = reasons[code] ?? "the connection failed";
  return new ConnectivityError("cluster_unreachable", `the API server cannot be reached: ${why}`, facts, options);
}

/** The error of an answer other than success; the server's own text is only in `untrusted`. */
export function statusError(status: number, body: string, subject: RequestSubject, context: string): ConnectivityError {
  const text = statusText(body);
  const options = text === "" ? {} : { untrusted: text };
  const facts: Facts = {
    context,
    status,
    verb: subject.verb,
    resource: subject.resource,
    ...(subject.namespace !== undefined && { namespace: subject.namespace }),
    ...(subject.name !== undefined && { name: subject.name }),
  };
  if (status === 401) {
    return new ConnectivityError(
      "credentials_rejected",
      "the cluster does not accept the credentials of this context",
      facts,
      options,
    );
  }
  if (status === 403 && isStatus(body) && text.includes('User "system:anonymous"')) {
    return new ConnectivityError(
      "credentials_rejected",
      "the cluster took this user for nobody: the context has no credentials, or of a kind that the cluster does not read",
      { ...facts, anonymous: true },
      options,
    );
  }
  if (status === 403) {
    const where = subject.namespace === undefined ? "" : ` in namespace ${subject.namespace}`;
    return new ConnectivityError(
      "permission_denied",
      `this user may not ${subject.verb} ${subject.resource}${where}`,
      facts,
      options,
    );
  }
  const isForeign = status === 404 ? everyServerHas.has(subject.resource) : !subject.resource.includes("/");
  if ((status === 400 || status === 404) && isForeign && !isStatus(body)) {
    return new ConnectivityError(
      "cluster_unreachable",
      "what answers at the API server's address is no API server, or its path is another one",
      facts,
      options,
    );
  }
  if (status === 404) {
    return new ConnectivityError(
      "resource_missing",
      `the cluster has no such ${singular(subject.resource)}`,
      facts,
      options,
    );
  }
  if (status === 429 || status >= 500) {
    return new ConnectivityError("cluster_unreachable", `the API server answers with status ${status}`, facts, options);
  }
  return new ConnectivityError(
    "forward_refused",
    `the API server refused the request with status ${status}`,
    facts,
    options,
  );
}

const singular = (resource: string): string => (resource.split("/")[0] ?? resource).replace(/s$/, "");

/** A server that knows none of these at all is none: one that has no such object says so in a `Status`. */
const everyServerHas = new Set(["pods", "services", "namespaces"]);

function isStatus(body: string): boolean {
  try {
    return (JSON.parse(body) as { kind?: unknown } | null)?.kind === "Status";
  } catch {
    return false;
  }
}

/** The `message` of a Kubernetes `Status`, or the body itself. */
function statusText(body: string): string {
  try {
    const status = JSON.parse(body) as { message?: unknown };
    if (typeof status.message === "string") return status.message.slice(0, untrustedLimit);
  } catch {
    // Not JSON: a proxy's page, shown as it is.
  }
  return body.slice(0, untrustedLimit);
}
