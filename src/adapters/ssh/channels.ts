import type { Channel as Ssh2Channel, Client, ClientChannel } from "ssh2";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { Channel, type ChannelMessages, type ChannelTerms } from "./channel.ts";

/** Private to ssh2 1.17 (client.js, Protocol.js): what it calls with the messages of RFC 4254, section 5; `id` is our number. */
interface Handlers {
  CHANNEL_OPEN_CONFIRMATION(protocol: Protocol, opened: Opened): void;
  CHANNEL_DATA(protocol: Protocol, id: number, bytes: Buffer): void;
  CHANNEL_EXTENDED_DATA(protocol: Protocol, id: number, bytes: Buffer, type: number): void;
  CHANNEL_WINDOW_ADJUST(protocol: Protocol, id: number, bytes: number): void;
  CHANNEL_REQUEST(protocol: Protocol, id: number, type: string, wantsReply: boolean, data: unknown): void;
  CHANNEL_EOF(protocol: Protocol, id: number): void;
  CHANNEL_CLOSE(protocol: Protocol, id: number): void;
}
interface Opened {
  /** Our number, and the server's. */
  readonly recipient: number;
  readonly sender: number;
  readonly window: number;
  readonly packetSize: number;
}
interface Protocol extends ChannelMessages {
  readonly ["_handlers"]: Handlers;
  channelFailure(channel: number): void;
}
interface ClientInternals {
  readonly ["_protocol"]: Protocol;
  /** Which of its numbers are taken, and by what: a function until the server has answered. It never gives one out twice. */
  readonly ["_chanMgr"]: { get(id: number): unknown; remove(id: number): void };
}
interface Ssh2Ends {
  readonly incoming: { readonly id: number };
  readonly outgoing: ChannelTerms;
}
/** Whom ssh2 tells that a channel is open. */
type Waiting = ((error?: ConnectivityError, channel?: Channel) => void) & { readonly type?: string };

/** The kinds of channels that carry connections; all others stay with ssh2. */
const carrying = new Set<string | undefined>(["direct-tcpip", "direct-streamlocal@openssh.com"]);

/**
 * The channels of a connection in the place of ssh2's own: those are a `Duplex` each, with which opening one takes half as
 * long again, and a byte there and back a tenth (bench/ssh). ssh2 still gives out the numbers, asks for channels and reads
 * what the server refuses.
 */
export class Channels {
  readonly #client: ClientInternals;
  readonly #open = new Map<number, Channel>();

  /** @param client ready: what it calls back for is replaced */
  constructor(client: Client) {
    this.#client = client as unknown as ClientInternals;
    this.#takeOver(this.#client["_protocol"]["_handlers"]);
  }

  /** What ssh2 calls back with for a channel that it was asked to open. */
  opened(channel: ClientChannel): Channel {
    return channel as unknown as Channel;
  }

  /** The place of one that the server opened and ssh2 has accepted just now. */
  accepted(channel: Ssh2Channel): Channel {
    const { incoming, outgoing } = channel as unknown as Ssh2Ends;
    return this.#add(incoming.id, outgoing);
  }

  #add(id: number, terms: ChannelTerms): Channel {
    const channel = new Channel(this.#client["_protocol"], terms);
    this.#client["_chanMgr"].remove(id);
    this.#open.set(id, channel);
    return channel;
  }

  #takeOver(handlers: Handlers): void {
    const theirs = { ...handlers };
    const open = this.#open;
    handlers.CHANNEL_OPEN_CONFIRMATION = (protocol, opened) => {
      const { recipient, sender, window, packetSize } = opened;
      const waiting = this.#client["_chanMgr"].get(recipient);
      if (typeof waiting !== "function" || !carrying.has((waiting as Waiting).type))
        return theirs.CHANNEL_OPEN_CONFIRMATION(protocol, opened);
      const channel = this.#add(recipient, { id: sender, window, packetSize });
      if (packetSize > 0) return (waiting as Waiting)(undefined, channel);
      channel.close();
      (waiting as Waiting)(new ConnectivityError("connection_lost", "the SSH server takes packets of no length"));
    };
    handlers.CHANNEL_DATA = (protocol, id, bytes) => {
      const channel = open.get(id);
      if (channel) channel.takeData(bytes);
      else theirs.CHANNEL_DATA(protocol, id, bytes);
    };
    handlers.CHANNEL_EXTENDED_DATA = (protocol, id, bytes, type) => {
      const channel = open.get(id);
      if (channel) channel.dropData(bytes.length);
      else theirs.CHANNEL_EXTENDED_DATA(protocol, id, bytes, type);
    };
    handlers.CHANNEL_WINDOW_ADJUST = (protocol, id, bytes) => {
      const channel = open.get(id);
      if (channel) channel.takeWindow(bytes);
      else theirs.CHANNEL_WINDOW_ADJUST(protocol, id, bytes);
    };
    handlers.CHANNEL_REQUEST = (protocol, id, type, wantsReply, data) => {
      const channel = open.get(id);
      if (!channel) return theirs.CHANNEL_REQUEST(protocol, id, type, wantsReply, data);
      // OpenSSH asks so whether we are there.
      if (wantsReply) protocol.channelFailure(channel.idThere);
    };
    handlers.CHANNEL_EOF = (protocol, id) => {
      const channel = open.get(id);
      if (channel) channel.takeEnd();
      else theirs.CHANNEL_EOF(protocol, id);
    };
    handlers.CHANNEL_CLOSE = (protocol, id) => {
      const channel = open.get(id);
      if (!channel) return theirs.CHANNEL_CLOSE(protocol, id);
      open.delete(id);
      channel.takeClose();
    };
  }
}
