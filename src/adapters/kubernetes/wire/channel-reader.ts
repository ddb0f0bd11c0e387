import { brokenProtocol } from "./spdy-decoder.ts";

/** An error text beyond this tells nothing more. */
const maxErrorText = 4096;
/** Each channel begins with its port, two bytes. */
const portBytes = 2;

/** Reads the channels of one forwarded port: in each message a byte names the channel, the rest is its data. */
export class ChannelReader {
  errorText = "";
  /** The peer closed in order. */
  ended = false;
  #channel: number | undefined;
  /** Bytes of the port that are still to come, by channel. */
  readonly #portLeft = [portBytes, portBytes];

  /** A message begins. */
  message(): void {
    this.#channel = undefined;
  }

  /**
   * A part of the message.
   * @returns the target's bytes in it, a view; `undefined` when there are none
   * @throws ConnectivityError `connection_lost` when it names a channel that nobody asked for
   */
  read(part: Buffer): Buffer | undefined {
    let rest = part;
    if (this.#channel === undefined) {
      this.#channel = part[0] ?? 0;
      if (this.#channel > 1) throw brokenProtocol("a message is for a channel that was never opened");
      rest = part.subarray(1);
    }
    const left = this.#portLeft[this.#channel] ?? 0;
    if (left > 0) {
      this.#portLeft[this.#channel] = Math.max(0, left - rest.length);
      rest = rest.subarray(Math.min(left, rest.length));
    }
    if (rest.length === 0) return undefined;
    if (this.#channel === 0) return rest;
    this.errorText += rest.toString("utf8").slice(0, maxErrorText - this.errorText.length);
    return undefined;
  }
}
