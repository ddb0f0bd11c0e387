import { X509Certificate } from "node:crypto";
import type { Expiry } from "#application/ports/expiry.ts";
import type { Authorization } from "./credentials.ts";

/** When what a request carries ends, as far as it tells by itself: a plugin's word, a JWT's `exp`, a certificate's `notAfter`. */
export function expiresAtMs(authorization: Authorization): number | undefined {
  return authorization.plugin?.expiresAtMs ?? tokenEndMs(authorization) ?? certificateEndMs(authorization);
}

/**
 * Everything about a credential that ends, for people.
 * @param context its context's name
 * @param renew the command that renews the login behind it, where it is known
 */
export function credentialExpiries(
  authorization: Authorization,
  context: string,
  renew: string | undefined,
): readonly Expiry[] {
  const command = renew === undefined ? {} : { renew };
  if (authorization.plugin !== undefined) {
    const atMs = authorization.plugin.expiresAtMs ?? tokenEndMs(authorization) ?? certificateEndMs(authorization);
    const what = `credential of the plugin of context ${context} (renewed by itself)`;
    return atMs === undefined ? [] : [{ what, atMs, ...command }];
  }
  const ends: readonly (readonly [string, number | undefined])[] = [
    [
      `${authorization.kind === "token file" ? "token file" : "token"} of context ${context}`,
      tokenEndMs(authorization),
    ],
    [`client certificate of context ${context}`, certificateEndMs(authorization)],
  ];
  return ends.flatMap(([what, atMs]) => (atMs === undefined ? [] : [{ what, atMs, ...command }]));
}

/** RFC 7519, section 4.1.4; other tokens do not tell. */
function tokenEndMs({ headers }: Authorization): number | undefined {
  const header = headers["Authorization"];
  const parts = typeof header === "string" ? header.replace(/^Bearer /, "").split(".") : [];
  if (parts.length !== 3) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString("utf8")) as { exp?: unknown };
    return typeof claims.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

function certificateEndMs({ certificate }: Authorization): number | undefined {
  if (certificate === undefined) return undefined;
  try {
    return Date.parse(new X509Certificate(certificate.cert).validTo);
  } catch {
    return undefined;
  }
}
