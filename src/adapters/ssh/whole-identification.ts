import type { Client } from "ssh2";
import { longestIdentification, type ServerIdentification } from "./server-identification.ts";

/** Private to ssh2 (Protocol.js): what its socket's data go to. */
interface ParsingInternals {
  readonly ["_protocol"]?: { parse?: (bytes: Buffer, start: number, end: number) => void };
}

/**
 * Lets ssh2 see the server's identification only when it is whole: ssh2 1.17 loses what comes in three pieces or more, and
 * waits for ever. To be called between `connect` and the first byte.
 * @param onTooLong what comes is no identification: ssh2 sees nothing of it
 */
export function gatherIdentification(
  client: Client,
  identification: ServerIdentification,
  onTooLong: () => void = () => void client.destroy(),
): void {
  const protocol = (client as unknown as ParsingInternals)["_protocol"];
  const parse = protocol?.parse?.bind(protocol);
  if (!protocol || !parse) return;
  let held: Buffer[] = [];
  let length = 0;
  protocol.parse = (bytes, start, end) => {
    if (length > longestIdentification) return;
    const piece = bytes.subarray(start, end);
    held.push(piece);
    length += piece.length;
    if (identification.take(piece)) {
      // The method of its class shows again: every later packet goes straight there.
      delete protocol.parse;
      const whole = Buffer.concat(held);
      parse(whole, 0, whole.length);
    } else if (length > longestIdentification) {
      held = [];
      onTooLong();
    }
  };
}
