import type { ClosingReason } from "#server/daemon/wire.ts";
import type { DaemonConnection } from "./dial.ts";
import type { ReachOptions } from "./reach-daemon.ts";

/** After a daemon that lived only shortly: at once, then slower and slower. */
const delaysMs = [0, 250, 1000, 4000, 10_000] as const;
/** A daemon that lived this long was no crash loop. */
const soundMs = 10_000;
/** Another shim starts the newer daemon that the old one made room for; after this long we start ours. */
const handOverPatienceMs = 3000;

export interface ReconnectingOptions {
  readonly reach: (options: ReachOptions) => Promise<DaemonConnection>;
  readonly onConnected: (connection: DaemonConnection) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Decides when to connect again; one attempt at a time. */
export class Reconnecting {
  readonly #options: ReconnectingOptions;
  #connecting = false;
  #timer: NodeJS.Timeout | undefined;
  #connectedAtMs = Number.NEGATIVE_INFINITY;
  #losses = 0;

  constructor(options: ReconnectingOptions) {
    this.#options = options;
  }

  /** Connects now, unless that is under way. */
  now(patienceMs = 0): void {
    clearTimeout(this.#timer);
    if (this.#connecting) return;
    this.#connecting = true;
    this.#options.reach({ patienceMs }).then(
      (connection) => {
        this.#connecting = false;
        this.#connectedAtMs = performance.now();
        this.#options.onConnected(connection);
      },
      (error: unknown) => {
        this.#connecting = false;
        this.#options.onFailed(error);
      },
    );
  }

  /** The connection was lost: `reason` when the daemon said why, `waiting` when the client waits for an answer. */
  after(reason: ClosingReason | undefined, waiting: boolean): void {
    if (reason === "hand_over") this.now(handOverPatienceMs);
    else if (waiting) this.now();
    // Somebody stopped the daemon: the client's next call starts it again.
    else if (reason !== "stop") this.#later();
  }

  #later(): void {
    this.#losses = performance.now() - this.#connectedAtMs > soundMs ? 0 : this.#losses + 1;
    const delayMs = delaysMs[Math.min(this.#losses, delaysMs.length - 1)] ?? 0;
    this.#timer = setTimeout(() => this.now(), delayMs);
  }
}
