/** Messages of the protocol that OpenSSH speaks at its control socket (its `PROTOCOL.mux`), as far as we use it. */

/** What OpenSSH answers. */
export type MuxAnswer =
  | { readonly kind: "hello" }
  /** The server confirmed the channel. */
  | { readonly kind: "opened"; readonly channel: number }
  /** It was refused, by OpenSSH or by the server; nothing of the client was read. */
  | { readonly kind: "failed" };

const types = {
  hello: 0x0000_0001,
  aliveCheck: 0x1000_0004,
  newStdioForward: 0x1000_0008,
  permissionDenied: 0x8000_0002,
  failure: 0x8000_0003,
  sessionOpened: 0x8000_0006,
};
const version = 4;
/** No answer that we understand is longer. */
const longestAnswer = 4096;

export const helloMessage = (): Buffer => message(types.hello, uint32(version));

/** Asks whether it is there; what it answers is passed over. */
export const aliveCheckMessage = (): Buffer => message(types.aliveCheck, uint32(0));

/** As `ssh -W` asks: the two sockets that follow are the ends of a connection to the target. */
export const stdioForwardMessage = (to: { readonly host: string; readonly port: number }): Buffer =>
  message(
    types.newStdioForward,
    // The number of the request, the only one of its control connection, and a reserved string.
    uint32(1),
    string(""),
    string(to.host),
    uint32(to.port),
  );

/** Reads answers from the bytes as they come. */
export class MuxReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns our answers that are whole now, or `undefined` for something that is not this protocol */
  take(bytes: Buffer): MuxAnswer[] | undefined {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const answers: MuxAnswer[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length < 4 || length > longestAnswer) return undefined;
      if (this.#rest.length < 4 + length) break;
      const whole = answer(this.#rest.subarray(4, 4 + length));
      if (whole) answers.push(whole);
      this.#rest = this.#rest.subarray(4 + length);
    }
    return answers;
  }
}

/** `undefined` for what is no answer of ours. */
function answer(body: Buffer): MuxAnswer | undefined {
  const type = body.readUInt32BE(0);
  if (type === types.hello) return { kind: "hello" };
  if (type === types.failure || type === types.permissionDenied) return { kind: "failed" };
  // The request's number, then the channel's.
  if (type === types.sessionOpened && body.length >= 12) return { kind: "opened", channel: body.readUInt32BE(8) };
  return undefined;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const string = (text: string): Buffer => Buffer.concat([uint32(Buffer.byteLength(text)), Buffer.from(text)]);

function message(type: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat([uint32(type), ...parts]);
  return Buffer.concat([uint32(body.length), body]);
}
