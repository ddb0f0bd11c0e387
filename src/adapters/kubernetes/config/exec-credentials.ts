import { createHash } from "node:crypto";
import { type ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import { abortable } from "../abortable.ts";
import type { ClusterContext } from "./cluster-context.ts";
import { runExecPlugin, type PluginCredential } from "./exec-plugin.ts";
import type { ExecEntry } from "./kubeconfig-schema.ts";

/** Renewed this long before its end, so that none expires on its way; of a short-lived one a tenth of its life. */
const maxSkewMs = 30_000;
/** A failure stands this long, doubled at each further one: a plugin that opens a browser must not do it over and over. */
const failureStandsMs = 3000;
const maxFailureStandsMs = 30_000;
/** A login whose renewed credential is refused too is tried anew after this, doubled each time. */
const refusalStandsMs = 5000;
const maxRefusalStandsMs = 300_000;
/** Variables that decide whose credential a plugin gives; the rest of an environment differs from window to window. */
const identifying = /^(AWS_|AZURE_|ARM_|CLOUDSDK_|GOOGLE_|OCI_|DIGITALOCEAN_|TELEPORT_|VAULT_|XDG_|PATH$|HOME$|USER$)/;

type Entry =
  | { readonly kind: "running"; readonly result: Promise<PluginCredential> }
  | { readonly kind: "ready"; readonly credential: PluginCredential; readonly renewAtMs: number }
  | { readonly kind: "failed"; readonly error: ConnectivityError; readonly untilMs: number; readonly standsMs: number };

/** Credentials of exec plugins: each plugin runs once for all who wait, and again only when its answer ends or was refused. */
export class ExecCredentials {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #refusals = new Map<string, { readonly untilMs: number; readonly standsMs: number }>();
  readonly #ending = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ConnectivityError as `runExecPlugin`; the signal's reason */
  async get(
    plugin: ExecEntry,
    context: ClusterContext,
    access: Access,
    signal: AbortSignal,
  ): Promise<PluginCredential> {
    const environment = access.environment();
    const key = this.#key(context, environment);
    const entry = this.#entries.get(key);
    if (entry?.kind === "running") return abortable(entry.result, signal);
    if (entry?.kind === "ready" && this.#clock.nowMs() < entry.renewAtMs) return entry.credential;
    if (entry?.kind === "failed" && this.#clock.monotonicMs() < entry.untilMs) throw entry.error;
    const lastMs = entry?.kind === "failed" ? entry.standsMs : 0;
    const standsMs = Math.max(failureStandsMs, Math.min(maxFailureStandsMs, lastMs * 2));
    const result = this.#run(key, plugin, context, environment, standsMs);
    this.#entries.set(key, { kind: "running", result });
    return abortable(result, signal);
  }

  /** The server refused a credential: the next call runs the plugin. @returns whether that may help */
  invalidate(context: ClusterContext, access: Access, refused: PluginCredential): boolean {
    const key = this.#key(context, access.environment());
    const entry = this.#entries.get(key);
    if (this.#clock.monotonicMs() < (this.#refusals.get(key)?.untilMs ?? 0)) return false;
    // Another one may have renewed it already.
    if (entry?.kind === "ready" && entry.credential === refused) this.#entries.delete(key);
    return true;
  }

  /** The server refused a credential that was fresh: the plugin rests for a while. */
  rest(context: ClusterContext, access: Access): void {
    const key = this.#key(context, access.environment());
    const nowMs = this.#clock.monotonicMs();
    const before = this.#refusals.get(key);
    if (before !== undefined && nowMs < before.untilMs) return;
    const again = before !== undefined && nowMs < before.untilMs + maxRefusalStandsMs;
    const standsMs = again ? Math.min(maxRefusalStandsMs, before.standsMs * 2) : refusalStandsMs;
    this.#refusals.set(key, { untilMs: nowMs + standsMs, standsMs });
  }

  close(): void {
    this.#ending.abort();
  }

  async #run(
    key: string,
    plugin: ExecEntry,
    context: ClusterContext,
    environment: Readonly<Record<string, string>>,
    standsMs: number,
  ): Promise<PluginCredential> {
    try {
      const credential = await runExecPlugin(plugin, context, environment, this.#ending.signal);
      this.#entries.set(key, { kind: "ready", credential, renewAtMs: this.#renewAt(credential) });
      return credential;
    } catch (thrown) {
      const error = toConnectivityError(thrown);
      this.#entries.set(key, { kind: "failed", error, untilMs: this.#clock.monotonicMs() + standsMs, standsMs });
      throw error;
    }
  }

  #renewAt({ expiresAtMs }: PluginCredential): number {
    if (expiresAtMs === undefined) return Number.POSITIVE_INFINITY;
    const life = Math.max(0, expiresAtMs - this.#clock.nowMs());
    return expiresAtMs - Math.min(maxSkewMs, life / 10);
  }

  #key(context: ClusterContext, environment: Readonly<Record<string, string>>): string {
    const relevant = Object.entries(environment)
      .filter(([name]) => identifying.test(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return createHash("sha256")
      .update(JSON.stringify([context.identity, relevant]))
      .digest("hex");
  }
}
