import type { Duplex } from "node:stream";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { Clock } from "#application/ports/clock.ts";
import type { WebSocketLink } from "./byte-link.ts";
import { ChannelStream } from "./channel-stream.ts";
import type { ForwardTarget } from "./forward-error.ts";
import { answerWaitMs } from "./late-end.ts";
import type { PodLink } from "./pod-link.ts";
import { Pace } from "./reached.ts";

/** Nothing listens there: whether the way is there is asked without disturbing the target. */
export const quietPort = 1;

/** Failures of a dial that tell of the way to the pod, not of one connection. */
const ofTheWay = new Set([
  "connection_lost",
  "pod_gone",
  "cluster_unreachable",
  "credentials_rejected",
  "credentials_expired",
]);

/**
 * The way to a pod by `v4.channel.k8s.io`: a WebSocket for each connection, dialled when it is opened. Nothing is open
 * between connections, so that a lost cluster is noticed by the next one.
 */
export class ChannelLink implements PodLink {
  readonly protocol = "v4.channel.k8s.io";
  readonly limits = { half_close: false, linger_ms: answerWaitMs, connections: "one WebSocket each" };
  readonly stalled = false;
  readonly queued = 0;
  readonly unshared = true;
  readonly closed: Promise<ConnectivityError | undefined>;
  readonly #dial: (port: number, signal: AbortSignal) => Promise<WebSocketLink>;
  readonly #clock: Clock;
  readonly #streams = new Set<ChannelStream>();
  readonly #pace = new Pace();
  #state: "open" | "draining" | "closed" = "open";
  /** Why nothing new is opened. */
  #cause: ConnectivityError | undefined;
  #looking: AbortController | undefined;
  #settle!: (cause: ConnectivityError | undefined) => void;
  onIdle: () => void = () => {};
  othersRespond: () => boolean = () => false;

  /** @param dial opens a WebSocket to a port of the pod */
  constructor(dial: (port: number, signal: AbortSignal) => Promise<WebSocketLink>, clock: Clock) {
    this.#dial = dial;
    this.#clock = clock;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get usable(): boolean {
    return this.#state === "open";
  }
  get streams(): number {
    return this.#streams.size;
  }
  get empty(): boolean {
    return this.#streams.size === 0;
  }
  get responsive(): boolean {
    return this.#state !== "closed";
  }

  open(target: ForwardTarget): Duplex {
    if (this.#state !== "open") throw new ConnectivityError("connection_lost", "the way to the pod is closed");
    const dial = (signal: AbortSignal): Promise<WebSocketLink> => this.#dial(target.port, signal);
    const open = (to: ForwardTarget): Duplex => this.open(to);
    const stream = new ChannelStream(dial, this.#clock, target, { pace: this.#pace, open });
    this.#streams.add(stream);
    stream.once("error", (error) => {
      // The server also breaks off a connection whose target left bytes unread: that says nothing of the others.
      if (stream.opened && error instanceof ConnectivityError && error.code === "connection_lost") this.#look();
      else this.#failed(error);
    });
    stream.once("close", () => {
      this.#streams.delete(stream);
      this.onIdle();
      this.#closeWhenEmpty();
    });
    return stream;
  }

  async verify(): Promise<void> {
    await Promise.all([...this.#streams].map((stream) => stream.verify()));
  }

  drain(): void {
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.onIdle();
    this.#closeWhenEmpty();
  }

  destroy(reason?: ConnectivityError): void {
    const why = reason ?? new ConnectivityError("connection_lost", "the way to the pod was closed on our side");
    for (const stream of [...this.#streams]) stream.destroy(why);
    this.#finish(reason);
  }

  /** Whether the way is still there, asked once for all who doubt it. */
  #look(): void {
    if (this.#state !== "open" || this.#looking !== undefined) return;
    const looking = (this.#looking = new AbortController());
    this.#dial(quietPort, looking.signal)
      .then((link) => link.destroy())
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#looking = undefined));
  }

  #failed(error: unknown): void {
    if (!(error instanceof ConnectivityError) || !ofTheWay.has(error.code)) return;
    this.#cause ??= error;
    this.drain();
  }

  #closeWhenEmpty(): void {
    if (this.#state === "draining" && this.#streams.size === 0) this.#finish(this.#cause);
  }

  #finish(cause: ConnectivityError | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#looking?.abort(cause);
    this.#settle(cause);
    this.onIdle();
  }
}
