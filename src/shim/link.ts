import type { Socket } from "node:net";
import type { ClosingReason } from "#server/daemon/wire.ts";
import type { OpenCall, RequestId } from "./answers.ts";
import type { DaemonConnection } from "./dial.ts";

/** The present connection to a daemon, and what is known of how far it got. */
export class Link {
  readonly socket: Socket;
  /** Questions of the daemon that the client has not answered. */
  readonly questions = new Map<string, RequestId>();
  /** Whether the handshake was replayed, so that the client's lines may follow. */
  ready = false;
  /** Why the daemon said that it ends. */
  ending: ClosingReason | undefined;
  /** How much was written after the hello, and how much of it the daemon may have read. */
  #sentBytes = 0;
  #readBytes: number;

  constructor({ socket, answer }: DaemonConnection) {
    this.socket = socket;
    this.#readBytes = answer.receipts === true ? 0 : Number.POSITIVE_INFINITY;
  }

  /** @returns whether more may be written before the socket's next `drain` */
  write(line: Buffer | string): boolean {
    this.#sentBytes += Buffer.byteLength(line) + 1;
    this.socket.write(line);
    return this.socket.write("\n");
  }

  send(call: OpenCall): boolean {
    const goOn = this.write(call.line);
    call.endsAt = this.#sentBytes;
    return goOn;
  }

  /** The daemon's receipt. */
  received(bytes: unknown): void {
    if (typeof bytes === "number") this.#readBytes = bytes;
  }

  /** Whether the daemon may have begun with a call that was sent here. */
  mayHaveBegun({ endsAt }: OpenCall): boolean {
    return endsAt !== undefined && endsAt <= this.#readBytes;
  }
}
