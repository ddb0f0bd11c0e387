import { createHash, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import { material, type ClusterContext, type Material } from "./cluster-context.ts";
import type { ExecCredentials } from "./exec-credentials.ts";
import type { PluginCredential } from "./exec-plugin.ts";

/** What a request carries. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
  /** How the user proves who they are, for facts. */
  readonly kind: "client certificate" | "token" | "token file" | "exec plugin" | "password" | "none";
  readonly plugin?: PluginCredential;
}

const maxFile = 1024 * 1024;

/** Reads a context's credentials at each use: files may be rotated, plugins renew theirs. */
export class Credentials {
  readonly #context: ClusterContext;
  readonly #plugins: ExecCredentials;
  readonly #files = new Map<string, { readonly mark: string; readonly content: Buffer }>();

  constructor(context: ClusterContext, plugins: ExecCredentials) {
    this.#context = context;
    this.#plugins = plugins;
  }

  /** @throws ConnectivityError `credentials_rejected` (unreadable or unsupported), `credential_plugin_missing`, `credential_plugin_failed` */
  async authorization(access: Access, signal: AbortSignal): Promise<Authorization> {
    const { user, userFolder } = this.#context;
    if (user["auth-provider"] !== undefined) throw this.#authProvider(user["auth-provider"].name);
    const impersonation = impersonationHeaders(user);
    if (user.exec !== undefined) {
      const plugin = await this.#plugins.get(user.exec, this.#context, access, signal);
      return {
        headers: { ...impersonation, ...(plugin.token !== undefined && { Authorization: `Bearer ${plugin.token}` }) },
        certificate: plugin.certificate,
        kind: "exec plugin",
        plugin,
      };
    }
    const certificate = await this.#certificate();
    if (user.tokenFile !== undefined || user.token !== undefined) {
      const file = user.tokenFile === undefined ? undefined : resolve(userFolder, user.tokenFile);
      const token = file === undefined ? user.token : (await this.#read(file, "token file")).toString("utf8").trim();
      return {
        headers: { ...impersonation, Authorization: `Bearer ${token}` },
        certificate,
        kind: file === undefined ? "token" : "token file",
      };
    }
    if (certificate !== undefined) return { headers: impersonation, certificate, kind: "client certificate" };
    if (user.username !== undefined) {
      const basic = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
      return { headers: { ...impersonation, Authorization: `Basic ${basic}` }, certificate, kind: "password" };
    }
    return { headers: impersonation, certificate: undefined, kind: "none" };
  }

  /** The server answered 401. @returns whether asking again can give another credential */
  refused(authorization: Authorization, access: Access): boolean {
    if (authorization.plugin === undefined) return false;
    return this.#plugins.invalidate(this.#context, access, authorization.plugin);
  }

  /** The certificates that sign the cluster's; `undefined`: the system's. */
  async certificateAuthority(): Promise<Buffer | undefined> {
    const { ca } = this.#context.tls;
    return ca === undefined ? undefined : this.#material(ca, "certificate authority");
  }

  async #certificate(): Promise<{ cert: Buffer; key: Buffer } | undefined> {
    const { user, userFolder } = this.#context;
    const cert = material(user["client-certificate-data"], user["client-certificate"], userFolder);
    const key = material(user["client-key-data"], user["client-key"], userFolder);
    if (cert === undefined || key === undefined) return undefined;
    return { cert: await this.#material(cert, "client certificate"), key: await this.#material(key, "client key") };
  }

  #material(from: Material, what: string): Promise<Buffer> {
    return "inline" in from ? Promise.resolve(from.inline) : this.#read(from.file, what);
  }

  async #read(path: string, what: string): Promise<Buffer> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const mark = `${mtimeMs}:${size}:${ino}`;
      const known = this.#files.get(path);
      if (known?.mark === mark) return known.content;
      if (size > maxFile) throw this.#unreadable(path, what, "it is too large");
      const content = await readFile(path);
      this.#files.set(path, { mark, content });
      return content;
    } catch (error) {
      if (error instanceof ConnectivityError) throw error;
      throw this.#unreadable(path, what, "it cannot be read", error);
    }
  }

  #unreadable(path: string, what: string, why: string, cause?: unknown): ConnectivityError {
    return new ConnectivityError(
      "credentials_rejected",
      `the ${what} that the kubeconfig names cannot be used: ${why}`,
      { file: path, context: this.#context.name },
      { cause },
    );
  }

  #authProvider(name: string): ConnectivityError {
    return new ConnectivityError(
      "not_supported",
      "the user of this context logs in by an auth-provider, which Kubernetes removed in 1.26",
      {
        context: this.#context.name,
        user: this.#context.userName,
        provider: /^[a-z0-9-]{1,40}$/.test(name) ? name : "unknown",
        advice: "run the cloud's own command that writes the kubeconfig again; it now writes an exec plugin",
      },
    );
  }
}

function impersonationHeaders(user: ClusterContext["user"]): Record<string, string> {
  return {
    ...(user.as !== undefined && { "Impersonate-User": user.as }),
    ...(user["as-uid"] !== undefined && { "Impersonate-Uid": user["as-uid"] }),
    ...(user["as-groups"].length > 0 && { "Impersonate-Group": user["as-groups"].join(",") }),
  };
}

/** Equal for equal certificates: what may share TLS connections. */
export const certificateMark = ({ certificate }: Authorization): string =>
  certificate === undefined ? "" : createHash("sha256").update(certificate.cert).update(certificate.key).digest("hex");

/** When what a request carries ends, as far as it tells by itself: a certificate's `notAfter`, a JWT's `exp` (RFC 7519, 4.1.4). */
export function expiresAtMs(authorization: Authorization): number | undefined {
  if (authorization.plugin?.expiresAtMs !== undefined) return authorization.plugin.expiresAtMs;
  const token = authorization.headers["Authorization"]?.replace(/^Bearer /, "");
  if (token !== undefined && token.split(".").length === 3) {
    try {
      const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
        exp?: unknown;
      };
      if (typeof claims.exp === "number") return claims.exp * 1000;
    } catch {
      return undefined;
    }
  }
  if (authorization.certificate === undefined) return undefined;
  try {
    return Date.parse(new X509Certificate(authorization.certificate.cert).validTo);
  } catch {
    return undefined;
  }
}
