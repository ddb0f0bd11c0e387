import { createHash } from "node:crypto";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { judgePin, type ClusterPin } from "#domain/kubernetes/cluster-pin.ts";
import type { Access } from "#application/ports/access.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { ClusterPins } from "#application/ports/cluster-pins.ts";
import type { ClusterApi } from "./api/cluster-api.ts";
import { StandingAnswers } from "./standing-answers.ts";

/** A cluster is looked at again after this: one may be made anew behind the same address. */
const verdictStandsMs = 60_000;

/** Holds every context to the cluster that it led to first. */
export class PinnedClusters {
  readonly #pins: ClusterPins;
  readonly #checked: StandingAnswers<void>;

  constructor(pins: ClusterPins, clock: Clock) {
    this.#pins = pins;
    this.#checked = new StandingAnswers(clock, verdictStandsMs);
  }

  /**
   * Asks the cluster who it is, at most once a minute, and keeps it when the context is used for the first time.
   * @throws ConnectivityError `context_changed`; as `ClusterApi.json` when it cannot be asked
   */
  async check(api: ClusterApi, access: Access, signal: AbortSignal): Promise<void> {
    const { name, identity } = api.context;
    const key = [access.workspaceDir, name, identity].join("\n");
    await this.#checked.get(key, (shared) => this.#judge(api, access, shared), signal);
  }

  async #judge(api: ClusterApi, access: Access, signal: AbortSignal): Promise<void> {
    const { name } = api.context;
    const folder = access.workspaceDir;
    const seen = await look(api, access, signal);
    const pinned = this.#pins.get(folder, name);
    const verdict = judgePin(pinned, seen);
    if (verdict.kind === "changed") {
      throw new ConnectivityError(
        "context_changed",
        `context ${name} leads to another cluster than when it was used here first`,
        {
          context: name,
          differs_by: verdict.by,
          server: seen.server,
          server_before: pinned?.server ?? "",
          folder,
        },
      );
    }
    if (verdict.kind === "keep") this.#pins.set(folder, name, seen);
  }
}

async function look(api: ClusterApi, access: Access, signal: AbortSignal): Promise<ClusterPin> {
  const [authority, uid] = await Promise.all([api.certificateAuthority(), uidOf(api, access, signal)]);
  return {
    server: api.context.server.origin,
    authority: authority === undefined ? "" : createHash("sha256").update(authority).digest("hex"),
    ...(uid !== undefined && { uid }),
  };
}

async function uidOf(api: ClusterApi, access: Access, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { metadata } = await api.json<{ metadata?: { uid?: unknown } }>({
      path: "/api/v1/namespaces/kube-system",
      subject: { verb: "get", resource: "namespaces", name: "kube-system" },
      access,
      signal,
    });
    return typeof metadata?.uid === "string" ? metadata.uid.slice(0, 100) : undefined;
  } catch (error) {
    const mayNot = error instanceof ConnectivityError && ["permission_denied", "resource_missing"].includes(error.code);
    if (mayNot) return undefined;
    throw error;
  }
}
