/** What a server may send ahead of what was taken here. */
export const windowBytes = 2 * 1024 * 1024;
/** The most channel data in one packet that servers take (RFC 4253, 6.1), in both directions. */
const packetBytes = 32 * 1024;

/** The messages of RFC 4254, section 5, as ssh2 sends them (private: Protocol.js); `channel` is the number at the server. */
export interface ChannelMessages {
  channelData(channel: number, bytes: Buffer): void;
  channelEOF(channel: number): void;
  channelClose(channel: number): void;
  channelWindowAdjust(channel: number, bytes: number): void;
}

/** How the server wants it: its number there, and what it takes. */
export interface ChannelTerms {
  readonly id: number;
  readonly window: number;
  readonly packetSize: number;
}

/** Who has a channel. */
export interface ChannelUser {
  /** @returns whether more may come; if not, until `resume` no more does than the window has room for */
  onData(bytes: Buffer): boolean;
  /** CHANNEL_EOF: the target ended its output. */
  onEnd(): void;
  /** CHANNEL_CLOSE: nothing comes any more, and nothing that is written arrives. Once. */
  onClose(): void;
  /** The server does not keep to the protocol. */
  onBroken(): void;
}

const nobody: ChannelUser = { onData: () => true, onEnd() {}, onClose() {}, onBroken() {} };

/** A channel of an SSH connection (RFC 4254, 5): its windows, its two ends and its close. Keeps no more than one write. */
export class Channel {
  user: ChannelUser = nobody;
  /** Its number at the server. */
  readonly idThere: number;
  readonly #messages: ChannelMessages;
  readonly #packetBytes: number;
  /** What the server may send still. */
  #mayCome = windowBytes;
  /** What we may send still. */
  #maySend: number;
  /** What a write has left, and whom it is told when it is on its way. */
  #unsent: { bytes: Buffer; readonly sent: () => void } | undefined;
  #paused = false;
  /** How far we are with our own end. */
  #ours: "open" | "ended" | "closed" = "open";
  #closedThere = false;

  constructor(messages: ChannelMessages, { id, window, packetSize }: ChannelTerms) {
    this.#messages = messages;
    this.idThere = id;
    this.#maySend = window;
    this.#packetBytes = Math.min(packetSize, packetBytes);
  }

  /** Whether so many bytes would be on their way at once. */
  hasRoomFor(bytes: number): boolean {
    return this.#unsent === undefined && this.#maySend >= bytes;
  }

  /** Sends bytes as the window has room for them; they are copied into packets. One at a time. @param sent all are */
  write(bytes: Buffer, sent: () => void): void {
    const rest = this.#send(bytes);
    if (rest === undefined) sent();
    else this.#unsent = { bytes: rest, sent };
  }

  /** No more is written; what waits for the window is lost, so it is called after `sent`. Idempotent. */
  end(): void {
    if (this.#ours !== "open") return;
    this.#ours = "ended";
    this.#messages.channelEOF(this.idThere);
  }

  /** Both directions, at once. Idempotent. */
  close(): void {
    this.#unsent = undefined;
    if (this.#ours === "closed") return;
    this.#ours = "closed";
    this.#messages.channelClose(this.idThere);
  }

  /** More may come. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#openWindow();
  }

  /** CHANNEL_DATA. */
  takeData(bytes: Buffer): void {
    if (!this.#counts(bytes.length)) return;
    if (!this.user.onData(bytes)) this.#paused = true;
    else this.#openWindow();
  }

  /** CHANNEL_EXTENDED_DATA, which a forwarded connection has no place for. */
  dropData(length: number): void {
    if (this.#counts(length) && !this.#paused) this.#openWindow();
  }

  /** CHANNEL_WINDOW_ADJUST. */
  takeWindow(bytes: number): void {
    this.#maySend = Math.min(this.#maySend + bytes, 2 ** 32 - 1);
    const waiting = this.#unsent;
    if (!waiting) return;
    this.#unsent = undefined;
    this.write(waiting.bytes, waiting.sent);
  }

  /** CHANNEL_EOF. */
  takeEnd(): void {
    this.user.onEnd();
  }

  /** CHANNEL_CLOSE, which is answered. */
  takeClose(): void {
    if (this.#closedThere) return;
    this.#closedThere = true;
    this.close();
    this.user.onClose();
  }

  /** Whether that much was within what the server may send. One that sends on against its window has no bound. */
  #counts(bytes: number): boolean {
    this.#mayCome -= bytes;
    if (this.#mayCome >= 0) return true;
    this.close();
    this.user.onBroken();
    return false;
  }

  /** Not for every packet: once half of it is used. */
  #openWindow(): void {
    if (this.#mayCome > windowBytes / 2 || this.#ours === "closed") return;
    this.#messages.channelWindowAdjust(this.idThere, windowBytes - this.#mayCome);
    this.#mayCome = windowBytes;
  }

  /** @returns what the window had no room for */
  #send(bytes: Buffer): Buffer | undefined {
    let at = 0;
    while (at < bytes.length) {
      const length = Math.min(bytes.length - at, this.#maySend, this.#packetBytes);
      if (length === 0) return bytes.subarray(at);
      this.#messages.channelData(this.idThere, length === bytes.length ? bytes : bytes.subarray(at, at + length));
      this.#maySend -= length;
      at += length;
    }
    return undefined;
  }
}
