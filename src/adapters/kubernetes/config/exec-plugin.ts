import { type ChildProcess, spawn } from "node:child_process";
import { access as canAccess, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import * as z from "zod";
import { readBounded } from "#adapters/net/bounded-file.ts";
import { ConnectivityError, type Facts } from "#domain/connectivity-error.ts";
import { loginCommand } from "#domain/kubernetes/login-advice.ts";
import type { ClusterContext } from "./cluster-context.ts";
import type { ExecEntry } from "./kubeconfig-schema.ts";

/** What a plugin gave: a bearer token, a client certificate, or both. */
export interface PluginCredential {
  readonly token: string | undefined;
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  readonly expiresAtMs: number | undefined;
}

/** A plugin that waits for a browser login is given this long. */
const timeoutMs = 60_000;
const maxOutput = 1024 * 1024;
const maxCaBytes = 1024 * 1024;
const stderrShown = 2048;
const versions = new Set(["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]);

const answerSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

/**
 * Runs a credential plugin once (client.authentication.k8s.io v1 and v1beta1, KEP-541), without a shell and without a
 * terminal, in the given environment.
 * @throws ConnectivityError `credential_plugin_missing`, `credential_plugin_failed` (its stderr is `untrusted`), `not_supported`
 */
export async function runExecPlugin(
  plugin: ExecEntry,
  context: ClusterContext,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PluginCredential> {
  const own = Object.fromEntries(plugin.env.map(({ name, value }) => [name, value]));
  const login = loginCommand(plugin.command, plugin.args, { ...environment, ...own });
  const facts: Facts = {
    command: plugin.command,
    user: context.userName,
    context: context.name,
    ...(login !== undefined && { login }),
  };
  if (!versions.has(plugin.apiVersion)) {
    throw new ConnectivityError(
      "not_supported",
      "the credential plugin speaks a version that Kubernetes has given up",
      {
        ...facts,
        advice: "set its apiVersion to client.authentication.k8s.io/v1",
      },
    );
  }
  if (plugin.interactiveMode === "Always") {
    throw new ConnectivityError(
      "credential_plugin_failed",
      `${plugin.command} wants a terminal, and there is none here`,
      {
        ...facts,
        reason: "interactive",
      },
    );
  }
  const env = { ...environment, ...own };
  const path = await findCommand(plugin.command, context.userFolder, environment);
  if (path === undefined) {
    throw new ConnectivityError(
      "credential_plugin_missing",
      `the credential plugin ${plugin.command} is not installed, or not in the PATH of the newest client`,
      facts,
      plugin.installHint === undefined ? {} : { untrusted: plugin.installHint.slice(0, stderrShown) },
    );
  }
  const info = execInfo(plugin, context, await authorityOf(context));
  const outcome = await run(path, plugin.args, { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) }, signal);
  if (outcome.failure !== undefined || outcome.exitCode !== 0) {
    throw new ConnectivityError(
      "credential_plugin_failed",
      `the credential plugin ${plugin.command} ${outcome.failure ?? `ended with exit code ${outcome.exitCode ?? "none"}`}`,
      { ...facts, ...(outcome.exitCode !== null && { exit_code: outcome.exitCode }) },
      outcome.stderr === "" ? {} : { untrusted: outcome.stderr },
    );
  }
  return readAnswer(outcome.stdout, plugin, facts, outcome.stderr);
}

function readAnswer(stdout: string, plugin: ExecEntry, facts: Facts, stderr: string): PluginCredential {
  const failed = (why: string): ConnectivityError =>
    new ConnectivityError("credential_plugin_failed", `the credential plugin ${plugin.command} ${why}`, facts, {
      ...(stderr !== "" && { untrusted: stderr }),
    });
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    throw failed("printed no JSON");
  }
  const answer = answerSchema.safeParse(json);
  if (!answer.success) throw failed("printed no credential");
  if (answer.data.apiVersion !== plugin.apiVersion) throw failed("answered in another version than it was asked for");
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer.data.status;
  if ((cert === undefined) !== (key === undefined)) throw failed("gave a certificate without its key, or a key alone");
  if (token === undefined && cert === undefined) throw failed("gave neither a token nor a certificate");
  const expiresAtMs = expirationTimestamp === undefined ? Number.NaN : Date.parse(expirationTimestamp);
  return {
    token,
    certificate: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    expiresAtMs: Number.isNaN(expiresAtMs) ? undefined : expiresAtMs,
  };
}

/** A bare name is looked for in PATH; anything with a separator is relative to the kubeconfig's folder. */
async function findCommand(
  command: string,
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const candidates =
    command.includes("/") || isAbsolute(command)
      ? [resolve(folder, command)]
      : (environment["PATH"] ?? "")
          .split(delimiter)
          .filter(isAbsolute)
          .map((part) => join(part, command));
  for (const candidate of candidates) {
    if (
      await canAccess(candidate, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return undefined;
}

/** The cluster's authority as a plugin is told it: base64, also where the kubeconfig names a file. */
async function authorityOf({ tls }: ClusterContext): Promise<string | undefined> {
  if (tls.ca === undefined) return undefined;
  const bytes = "inline" in tls.ca ? tls.ca.inline : await readBounded(tls.ca.file, maxCaBytes).catch(() => undefined);
  return bytes?.toString("base64");
}

function execInfo(plugin: ExecEntry, context: ClusterContext, authority: string | undefined): unknown {
  const { cluster } = context;
  const config = cluster.extensions.find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension;
  return {
    apiVersion: plugin.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      ...(plugin.provideClusterInfo && {
        cluster: {
          server: cluster.server,
          ...(cluster["tls-server-name"] !== undefined && { "tls-server-name": cluster["tls-server-name"] }),
          ...(cluster["insecure-skip-tls-verify"] && { "insecure-skip-tls-verify": true }),
          ...(authority !== undefined && { "certificate-authority-data": authority }),
          ...(cluster["proxy-url"] !== undefined && { "proxy-url": cluster["proxy-url"] }),
          ...(config !== undefined && { config }),
        },
      }),
    },
  };
}

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
  readonly failure?: string;
}

/** With what it started: it leads a group, and a session without a terminal, of its own. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function run(
  path: string,
  args: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolveOutcome) => {
    const child = spawn(path, args, { env, shell: false, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = "";
    let failure: string | undefined;
    const stop = (why: string): void => {
      failure ??= why;
      killGroup(child);
      // What it started may have left its group and hold the pipes: nobody waits for that.
      finish(null);
    };
    const timer = setTimeout(() => stop(`did not answer within ${timeoutMs / 1000} s`), timeoutMs);
    const abort = (): void => stop("was stopped");
    signal.addEventListener("abort", abort, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxOutput) stop("printed far too much");
      else stdout.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      // The end of what it says tells most.
      stderr = (stderr + chunk.toString("utf8")).slice(-stderrShown);
    });
    const finish = (exitCode: number | null): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolveOutcome({
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: stderr.trim(),
        exitCode,
        ...(failure !== undefined && { failure }),
      });
    };
    child.on("error", () => {
      failure ??= "could not be started";
      finish(null);
    });
    child.on("close", finish);
  });
}
