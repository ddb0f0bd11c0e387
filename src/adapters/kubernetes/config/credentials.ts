import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { readBounded } from "#adapters/net/bounded-file.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { authProviderAdvice, loginCommand } from "#domain/kubernetes/login-advice.ts";
import type { Access } from "#application/ports/access.ts";
import { material, type ClusterContext, type Material } from "./cluster-context.ts";
import type { ExecCredentials } from "./exec-credentials.ts";
import type { PluginCredential } from "./exec-plugin.ts";
import { impersonationHeaders } from "./impersonation.ts";

/** What a request carries. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string | string[]>>;
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
    const { user } = this.#context;
    if (user["auth-provider"] !== undefined) throw this.#authProvider(user["auth-provider"].name);
    const impersonation = impersonationHeaders(user);
    const own = await this.#token();
    // What stands in the kubeconfig itself wins over a plugin, which then does not run: client-go's rule.
    if (user.exec !== undefined && own === undefined && user.username === undefined) {
      const plugin = await this.#plugins.get(user.exec, this.#context, access, signal);
      return {
        headers: { ...impersonation, ...(plugin.token !== undefined && { Authorization: `Bearer ${plugin.token}` }) },
        certificate: plugin.certificate ?? (await this.#certificate()),
        kind: "exec plugin",
        plugin,
      };
    }
    const certificate = await this.#certificate();
    if (own !== undefined) {
      const headers = { ...impersonation, Authorization: `Bearer ${own.token}` };
      return { headers, certificate, kind: own.kind };
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

  /** What the plugin gave anew was refused too: it is not run for every further dial. */
  refusedAgain(authorization: Authorization, access: Access): void {
    if (authorization.plugin !== undefined) this.#plugins.rest(this.#context, access);
  }

  /** The command that renews the login behind a plugin, where it is known. */
  login(access: Access): string | undefined {
    const { exec } = this.#context.user;
    if (exec === undefined) return undefined;
    const own = Object.fromEntries(exec.env.map(({ name, value }) => [name, value]));
    return loginCommand(exec.command, exec.args, { ...access.environment(), ...own });
  }

  /** The certificates that sign the cluster's; `undefined`: the system's. */
  async certificateAuthority(): Promise<Buffer | undefined> {
    const { ca } = this.#context.tls;
    return ca === undefined ? undefined : this.#material(ca, "certificate authority");
  }

  /** The file's content, read again when it was rotated; the token beside it while the file cannot be read. */
  async #token(): Promise<{ readonly token: string; readonly kind: "token" | "token file" } | undefined> {
    const { user, userFolder } = this.#context;
    const { token, tokenFile } = user;
    if (tokenFile === undefined) return token === undefined ? undefined : { token, kind: "token" };
    try {
      const content = await this.#read(resolve(userFolder, tokenFile), "token file");
      return { token: content.toString("utf8").trim(), kind: "token file" };
    } catch (error) {
      if (token === undefined) throw error;
      return { token, kind: "token" };
    }
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
      const content = await readBounded(path, maxFile);
      if (content.length > maxFile) throw this.#unreadable(path, what, "it is too large");
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
        advice: authProviderAdvice(name),
      },
    );
  }
}

/** Equal for equal certificates: what may share TLS connections. */
export const certificateMark = ({ certificate }: Authorization): string =>
  certificate === undefined ? "" : createHash("sha256").update(certificate.cert).update(certificate.key).digest("hex");
