import { Duplex } from "node:stream";
import type { TunnelStream } from "#application/ports/forward-driver.ts";
import { ConnectivityError, toConnectivityError } from "#domain/connectivity-error.ts";
import { readSocks, socks5Reply, socksAnswer, type SocksRequest } from "./socks-protocol.ts";

const highWaterMark = 64 * 1024;
/** A client that does not say what it wants is not kept. */
const requestTimeoutMs = 30_000;
/** RFC 1928 §6: after a refusal the connection ends within ten seconds. */
const refusedTimeoutMs = 5000;

type Open = (to: { readonly host: string; readonly port: number }, signal: AbortSignal) => Promise<TunnelStream>;

/**
 * The far end of a client's connection to a SOCKS proxy: first it speaks SOCKS 5, 4 or 4a itself, then it is the
 * connection to the target that the client asked for.
 */
export class SocksStream extends Duplex {
  readonly #open: Open;
  readonly #over = new AbortController();
  #early = Buffer.alloc(0);
  #greeted = false;
  #refused = false;
  #target: TunnelStream | undefined;
  /** A write, or the end of writing, that waits for the target. */
  #waiting: (() => void) | undefined;
  #timer: NodeJS.Timeout;

  constructor(open: Open) {
    super({ allowHalfOpen: true, highWaterMark });
    this.#open = open;
    this.#timer = this.#endAfter(requestTimeoutMs);
    // A client that is gone must not take the process down through a stream that nobody listens to any more.
    this.on("error", () => {});
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#target) this.#target.write(chunk, encoding, callback);
    else if (this.#refused) callback();
    else {
      this.#early = Buffer.concat([this.#early, chunk]);
      this.#waiting = callback;
      this.#advance();
    }
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#target) this.#target.end(callback);
    else {
      // A client that ends before it asked wants nothing.
      if (!this.#refused) this.#refuse(undefined);
      callback();
    }
  }

  override _read(): void {
    this.#target?.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#over.abort(error ?? new ConnectivityError("cancelled", "the client went away"));
    this.#target?.destroy(error ?? undefined);
    callback(error);
  }

  #advance(): void {
    const step = readSocks(this.#early, this.#greeted);
    switch (step.kind) {
      case "more":
        return this.#goOn();
      case "greeting":
        this.#greeted = true;
        this.#early = this.#early.subarray(step.taken);
        this.push(step.answer);
        return this.#advance();
      case "refused":
        this.#refuse(step.answer);
        return this.#goOn();
      case "request":
        this.#early = this.#early.subarray(step.taken);
        // What follows waits: the callback is called when the target is there.
        void this.#connect(step.request);
    }
  }

  async #connect({ version, host, port }: SocksRequest): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const target = await this.#open({ host, port }, this.#over.signal);
      if (this.destroyed) return void target.destroy();
      this.push(socksAnswer(version, socks5Reply.succeeded));
      this.#join(target);
    } catch (thrown) {
      if (this.destroyed) return;
      const error = toConnectivityError(thrown);
      // The way to every target is gone: that is no answer about this one.
      if (error.code === "connection_lost") return void this.destroy(error);
      this.#refuse(socksAnswer(version, replyFor(error)));
    }
    this.#goOn();
  }

  #join(target: TunnelStream): void {
    this.#target = target;
    target.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) target.pause();
    });
    target.on("end", () => this.push(null));
    target.on("error", (error) => this.destroy(error));
    target.on("close", () => {
      if (!target.readableEnded || !this.writableFinished) this.destroy(closedEarly(target));
    });
    const early = this.#early;
    this.#early = Buffer.alloc(0);
    if (early.length > 0) target.write(early);
  }

  #refuse(answer: Buffer | undefined): void {
    this.#refused = true;
    clearTimeout(this.#timer);
    this.#timer = this.#endAfter(refusedTimeoutMs);
    if (answer && answer.length > 0) this.push(answer);
    this.push(null);
  }

  #goOn(): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    callback?.();
  }

  #endAfter(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.destroy(), ms).unref();
  }
}

const closedEarly = (target: TunnelStream): Error | undefined =>
  target.readableEnded
    ? new ConnectivityError("connection_lost", "the target closed the connection", { reset_by: "target" })
    : undefined;

function replyFor({ code }: ConnectivityError): number {
  switch (code) {
    case "ssh_forwarding_prohibited":
      return socks5Reply.notAllowed;
    case "target_unreachable":
      // OpenSSH says one reason for every target that it cannot connect to: refused, unreachable, no such name.
      return socks5Reply.connectionRefused;
    default:
      return socks5Reply.generalFailure;
  }
}
