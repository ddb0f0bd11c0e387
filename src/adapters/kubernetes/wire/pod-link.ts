import type { Duplex } from "node:stream";
import type { ConnectivityError, Facts } from "#domain/connectivity-error.ts";
import type { ForwardTarget } from "./forward-error.ts";

/** An open way to one pod over which connections come and go: what the pool keeps. */
export interface PodLink {
  /** For people and facts: `websocket`, `spdy` or `v4.channel.k8s.io`. */
  readonly protocol: string;
  /** What this way cannot do, for facts. */
  readonly limits?: Facts;
  /** Resolves once, when it carries no more: with the cause, or `undefined` after our own `drain` or `destroy`. */
  readonly closed: Promise<ConnectivityError | undefined>;
  /** Whether new streams may be opened. */
  readonly usable: boolean;
  /** Open connections, without those whose client sends no more. */
  readonly streams: number;
  /** Nothing is open on it at all. */
  readonly empty: boolean;
  /** A reader of one of its streams is behind, so that the others stand still. */
  readonly stalled: boolean;
  /** Bytes that wait to be sent: a measure of how busy its up direction is. */
  readonly queued: number;
  /** Whether the peer was heard lately. */
  readonly responsive: boolean;
  /** Its connections share nothing: any number may be opened at no cost to each other. */
  readonly unshared?: boolean;
  /** Called whenever the number of streams falls or it begins to drain. */
  onIdle: () => void;
  /** Whether other links to the same pod are answered: then bytes that nobody takes are held up by the target. */
  othersRespond: () => boolean;
  /**
   * Opens a connection to a port of the pod without waiting for the answer.
   * @throws ConnectivityError `connection_lost` when it takes no more
   */
  open(target: ForwardTarget): Duplex;
  /** Asks the peer at once whether it is there, and ends when it says nothing soon. Resolves when that is known; never rejects. */
  verify?(): Promise<void>;
  /** Takes no new streams and closes when the last one has ended. */
  drain(): void;
  /** Cuts; its streams fail with the reason, or `connection_lost`. */
  destroy(reason?: ConnectivityError): void;
}
