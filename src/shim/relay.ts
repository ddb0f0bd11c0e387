import type { Readable, Writable } from "node:stream";
import { toConnectivityError, type Failure } from "#domain/connectivity-error.ts";
import { closingMethod, receivedMethod } from "#server/daemon/wire.ts";
import { failureAnswer, repeatable, restartedFailure, withdrawQuestion, type OpenCall } from "./answers.ts";
import type { DaemonConnection } from "./dial.ts";
import { Handshake } from "./handshake.ts";
import { LineSplitter } from "./line-splitter.ts";
import { Link } from "./link.ts";
import { clientName, idKey, isStateless, readMessage, type Message } from "./message.ts";
import type { ReachOptions } from "./reach-daemon.ts";
import { Reconnecting } from "./reconnecting.ts";

export interface RelayOptions {
  readonly input: Readable;
  readonly output: Writable;
  /** Connects, with the client's name in the hello. @throws ConnectivityError */
  readonly reach: (client: string | undefined, options: ReachOptions) => Promise<DaemonConnection>;
  /** One sentence for the person, on stderr. */
  readonly notice: (text: string) => void;
}

/**
 * Relays lines between an MCP client and the daemon, over as many daemons as it takes: the handshake is replayed, calls
 * that were in flight are answered, every call gets exactly one answer. Only whole JSON lines are written to the output.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #open = new Map<string, OpenCall>();
  #waiting: (OpenCall | Buffer)[] = [];
  #link: Link | undefined;
  readonly #handshake = new Handshake();
  readonly #reconnecting: Reconnecting;
  #client: string | undefined;
  #onIdle: (() => void) | undefined;
  #ended = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#reconnecting = new Reconnecting({
      reach: (patience) => options.reach(this.#client, patience),
      onConnected: (connection) => this.#attach(connection),
      onFailed: (error) => this.#failWaiting(toConnectivityError(error).toFailure()),
    });
  }

  /** Connects before the client asks for anything. */
  start(): void {
    const splitter = new LineSplitter(() => this.#options.notice("dropped a message over 10 MB from the client"));
    this.#options.input.on("data", (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.#fromClient(line);
    });
    this.#reconnecting.now();
  }

  /** Resolves when no call is open, or after `timeoutMs`; then everything is cut. */
  async finish(timeoutMs: number): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
        setTimeout(resolve, timeoutMs);
      });
    }
    this.#ended = true;
    this.#link?.socket.destroy();
  }

  #fromClient(line: Buffer): void {
    const message = readMessage(line);
    if (message === undefined) {
      this.#options.notice("dropped a line from the client that is not JSON");
      return;
    }
    if (message.kind === "response") {
      // An answer to a question of a daemon that is gone would reach one that asked something else.
      if (this.#link?.questions.delete(idKey(message.id)) === true) this.#send(this.#link, line);
      return;
    }
    if (message.kind === "request") {
      this.#client = clientName(message.params) ?? this.#client;
      const { id, method } = message;
      const call = { id, method, line, stateless: isStateless(message.params), resends: 0, endsAt: undefined };
      this.#open.set(idKey(id), call);
      this.#handshake.request(call);
      this.#deliver(call);
      return;
    }
    if (message.kind === "notification" && !this.#noted(message, line)) return;
    this.#deliver(line);
  }

  /** What a notification of the client means for the relay itself. @returns whether it goes on to the daemon */
  #noted({ method, params }: Extract<Message, { kind: "notification" }>, line: Buffer): boolean {
    if (method === "notifications/initialized") return this.#handshake.initialized(line, this.#link?.ready === true);
    if (method !== "notifications/cancelled") return true;
    const key = JSON.stringify(params["requestId"]);
    const call = this.#open.get(key);
    this.#settle(key);
    if (call === undefined || call.endsAt !== undefined) return true;
    this.#waiting = this.#waiting.filter((entry) => entry !== call);
    return false;
  }

  #deliver(entry: OpenCall | Buffer): void {
    if (this.#link?.ready === true) {
      this.#send(this.#link, entry);
      return;
    }
    this.#waiting.push(entry);
    if (this.#waiting.length > maxWaiting) this.#options.input.pause();
    if (this.#link === undefined) this.#reconnecting.now();
  }

  #send(link: Link, entry: OpenCall | Buffer): void {
    if (Buffer.isBuffer(entry) ? link.write(entry) : link.send(entry)) return;
    this.#options.input.pause();
    if (link.socket.listenerCount("drain") === 0) link.socket.once("drain", () => this.#options.input.resume());
  }

  #attach(connection: DaemonConnection): void {
    const { socket, answer, received } = connection;
    if (this.#ended) {
      socket.destroy();
      return;
    }
    if (answer.notice !== undefined) this.#options.notice(answer.notice);
    const link = new Link(connection);
    this.#link = link;
    const splitter = new LineSplitter(() => this.#options.notice("dropped a message over 10 MB from the daemon"));
    const take = (chunk: Buffer): void => {
      for (const line of splitter.push(chunk)) this.#fromDaemon(link, line);
    };
    socket.on("close", () => this.#lost(link));
    socket.on("data", take);
    const replay = this.#handshake.replay();
    if (replay === undefined) this.#ready(link);
    else link.write(replay);
    if (received.length > 0) take(received);
    socket.resume();
    if (socket.destroyed) this.#lost(link);
  }

  #ready(link: Link): void {
    link.ready = true;
    for (const entry of this.#waiting.splice(0)) this.#send(link, entry);
    this.#options.input.resume();
  }

  #fromDaemon(link: Link, line: Buffer): void {
    const message = readMessage(line);
    if (message === undefined || this.#link !== link) return;
    if (message.kind === "notification" && message.method === closingMethod) {
      link.ending = message.params["reason"] === "hand_over" ? "hand_over" : "stop";
      return;
    }
    if (message.kind === "notification" && message.method === receivedMethod) {
      link.received(message.params["bytes"]);
      return;
    }
    if (message.kind === "request") link.questions.set(idKey(message.id), message.id);
    if (message.kind === "response") {
      if (this.#handshake.isReplay(message.id)) {
        for (const next of this.#handshake.replayed()) link.write(next);
        this.#ready(link);
        return;
      }
      const key = idKey(message.id);
      // A second answer, or one to a cancelled call.
      if (!this.#open.has(key)) return;
      this.#handshake.answered(message.id, message.failed);
      this.#emit(link, line);
      this.#settle(key);
      return;
    }
    this.#emit(link, line);
  }

  #emit(link: Link | undefined, line: Buffer | string): void {
    const { output } = this.#options;
    if (!output.writable) return;
    output.write(line);
    if (output.write("\n") || link === undefined || link.socket.isPaused()) return;
    link.socket.pause();
    output.once("drain", () => link.socket.resume());
  }

  #lost(link: Link): void {
    if (this.#link !== link || this.#ended) return;
    this.#link = undefined;
    for (const question of link.questions.values()) this.#emit(undefined, JSON.stringify(withdrawQuestion(question)));
    const again: OpenCall[] = [];
    for (const call of this.#open.values()) {
      if (call.endsAt === undefined) continue;
      const harmless = !link.mayHaveBegun(call) || repeatable.has(call.method);
      if (harmless && call.resends < maxResends) {
        call.resends++;
        call.endsAt = undefined;
        again.push(call);
      } else this.#fail(call, restartedFailure);
    }
    this.#waiting.unshift(...again);
    this.#reconnecting.after(link.ending, this.#waiting.length > 0);
  }

  #failWaiting(failure: Failure): void {
    if (this.#ended) return;
    if (this.#waiting.length === 0) this.#options.notice(failure.message);
    for (const entry of this.#waiting.splice(0)) {
      if (!Buffer.isBuffer(entry)) this.#fail(entry, failure);
    }
    this.#options.input.resume();
  }

  #fail(call: OpenCall, failure: Failure): void {
    this.#emit(undefined, JSON.stringify(failureAnswer(call, failure)));
    this.#settle(idKey(call.id));
  }

  #settle(key: string): void {
    this.#open.delete(key);
    if (this.#open.size === 0) this.#onIdle?.();
  }
}

/** A request that ends every daemon is not given to one more. */
const maxResends = 3;
/** While no daemon is there, this many lines are kept before the client is asked to wait. */
const maxWaiting = 256;
