import net from "node:net";
import type { Scenario, ClientStep } from "./scenarios.ts";
import { bannerBytes, patternOf, type Script } from "./target.ts";

/** How one connection went. */
export interface Outcome {
  readonly seed: number;
  readonly kind: string;
  readonly scenario: Scenario;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly bytes: number;
  /** What it had to see and did not; `corrupt` and `cut short` are never excused. */
  readonly failure?: {
    readonly what: "corrupt" | "cut short" | "reset" | "hung" | "not reset" | "other";
    readonly words: string;
  };
}

export interface ClientOptions {
  readonly port: number;
  /** Before its first byte: a handshake with what is in between. */
  readonly prepare?: ((socket: net.Socket) => Promise<void>) | undefined;
  /** How long anything may take beyond what the script itself takes. */
  readonly patienceMs: number;
}

class Unwanted extends Error {
  readonly what: NonNullable<Outcome["failure"]>["what"];
  constructor(what: NonNullable<Outcome["failure"]>["what"], words: string) {
    super(words);
    this.what = what;
  }
}

/** The target's own pauses, which no client may take for silence. */
const pausesOf = (scenario: Scenario): number =>
  scenario.target.reduce((sum, step) => sum + (step.do === "wait" ? step.ms : 0), 0);

/** Goes through a scenario. Never rejects. */
export async function runClient(seed: number, scenario: Scenario, options: ClientOptions): Promise<Outcome> {
  const startedMs = performance.now();
  const client = new SoakClient(seed, scenario, options);
  let failure: Outcome["failure"];
  let at = -1;
  try {
    await client.begin();
    for (const step of scenario.client) {
      at++;
      await client.run(step);
    }
    client.check();
  } catch (error) {
    const { what = "other", message } = error as Partial<Unwanted> & Error;
    failure = {
      what,
      words: `step ${at} ${JSON.stringify(scenario.client[at] ?? "begin")}: ${message}; ${client.saw()}`,
    };
  }
  client.leave();
  const { kind } = scenario;
  return {
    seed,
    kind,
    scenario,
    startedMs,
    endedMs: performance.now(),
    bytes: client.bytes,
    ...(failure && { failure }),
  };
}

class SoakClient {
  readonly #seed: number;
  readonly #scenario: Scenario;
  readonly #options: ClientOptions;
  readonly #up: Buffer;
  readonly #down: Buffer;
  readonly #limitMs: number;
  #socket!: net.Socket;
  #sent = 0;
  #received = 0;
  /** To be received for all that was taken so far. */
  #wanted = 0;
  #bannerLeft: number;
  #wrong: string | undefined;
  #ended = false;
  #error = "";
  #closed = false;
  #lastMs = performance.now();
  readonly #waiters = new Set<() => void>();

  constructor(seed: number, scenario: Scenario, options: ClientOptions) {
    this.#seed = seed;
    this.#scenario = scenario;
    this.#options = options;
    this.#up = patternOf(seed);
    this.#down = patternOf(seed + 1);
    this.#limitMs = options.patienceMs + pausesOf(scenario);
    this.#bannerLeft = scenario.port === "banner" ? bannerBytes : 0;
  }

  get bytes(): number {
    return this.#sent + this.#received;
  }

  saw(): string {
    const silentMs = Math.round(performance.now() - this.#lastMs);
    return `sent ${this.#sent}, received ${this.#received} of ${this.#wanted}, ended ${this.#ended}, closed ${this.#closed}, error "${this.#error}", silent for ${silentMs} ms, local port ${this.#socket?.localPort}`;
  }

  async begin(): Promise<void> {
    const socket = net.connect({ port: this.#options.port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    this.#socket = socket;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error ||= error.code ?? String(error);
      this.#wake();
    });
    socket.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
    for (const event of ["connect", "drain"]) socket.on(event, () => this.#wake());
    await this.#until("it is connected", () => socket.readyState === "open");
    const prepared = this.#options.prepare?.(socket);
    if (prepared) await Promise.race([prepared, this.#tooLate("what is in between")]);
    socket.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    const { target } = this.#scenario;
    if (target.length > 0) socket.write(`${JSON.stringify({ seed: this.#seed, steps: target } satisfies Script)}\n`);
    if (this.#bannerLeft > 0) await this.#until("the banner", () => this.#bannerLeft === 0);
  }

  async run(step: ClientStep): Promise<void> {
    const socket = this.#socket;
    switch (step.do) {
      case "send":
        return this.#send(step.bytes);
      case "take":
        return this.#await(step.bytes);
      case "both":
        await Promise.all([this.#send(step.send), this.#await(step.take)]);
        return;
      case "talk":
        if (step.pipelined) {
          for (let message = 0; message < step.messages; message++) await this.#send(step.bytes);
          return this.#await(step.messages * step.bytes);
        }
        for (let message = 0; message < step.messages; message++) {
          await this.#send(step.bytes);
          await this.#await(step.bytes);
        }
        return;
      case "wait":
        return pause(step.ms);
      case "stall":
        socket.pause();
        await pause(step.ms);
        socket.resume();
        return;
      case "end":
        socket.end();
        return;
      case "takeEnd":
        this.#wanted = this.#downBytes();
        await this.#until("its end", () => this.#ended);
        return;
      case "takeAnyEnd":
        await this.#until("any end", () => this.#ended || this.#closed, true);
        return;
      case "takeReset":
        await this.#until("a reset", () => this.#error !== "", true);
        return;
      case "flood":
        return this.#flood();
      case "close":
        socket.destroy();
        return;
      case "reset":
        socket.resetAndDestroy();
    }
  }

  /** After the last step. */
  check(): void {
    if (this.#wrong !== undefined) throw new Unwanted("corrupt", this.#wrong);
  }

  leave(): void {
    this.#socket.destroy();
  }

  /** All that the target sends. */
  #downBytes(): number {
    return this.#scenario.target.reduce(
      (sum, step) =>
        sum + (step.do === "send" || step.do === "answer" ? step.bytes : step.do === "both" ? step.send : 0),
      0,
    );
  }

  #take(bytes: Buffer): void {
    this.#lastMs = performance.now();
    let rest = bytes;
    if (this.#bannerLeft > 0) {
      const banner = rest.subarray(0, this.#bannerLeft);
      const at = bannerBytes - this.#bannerLeft;
      if (banner.compare(patternOf(0), at, at + banner.length) !== 0) this.#wrong ??= `the banner differs after ${at}`;
      this.#bannerLeft -= banner.length;
      rest = rest.subarray(banner.length);
    }
    while (rest.length > 0) {
      const at = this.#received % this.#down.length;
      const part = rest.subarray(0, this.#down.length - at);
      if (part.compare(this.#down, at, at + part.length) !== 0) this.#wrong ??= `bytes differ after ${this.#received}`;
      this.#received += part.length;
      rest = rest.subarray(part.length);
    }
    const most = this.#downBytes();
    if (this.#received > most) this.#wrong ??= `${this.#received} bytes came where ${most} were sent`;
    this.#wake();
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #tooLate(what: string): Promise<never> {
    await pause(this.#limitMs);
    throw new Unwanted("hung", `waited for ${what}`);
  }

  *#pieces(bytes: number): Generator<Buffer> {
    for (const end = this.#sent + bytes; this.#sent < end;) {
      const at = this.#sent % this.#up.length;
      const piece = this.#up.subarray(at, Math.min(this.#up.length, at + end - this.#sent));
      this.#sent += piece.length;
      yield piece;
    }
  }

  async #send(bytes: number): Promise<void> {
    for (const piece of this.#pieces(bytes)) {
      if (this.#socket.write(piece)) continue;
      await this.#until("its bytes are taken", () => !this.#socket.writableNeedDrain);
    }
  }

  async #await(bytes: number): Promise<void> {
    this.#wanted += bytes;
    await this.#until(`${this.#wanted} bytes`, () => this.#received >= this.#wanted);
  }

  async #flood(): Promise<void> {
    const startedMs = performance.now();
    while (this.#error === "" && !this.#closed) {
      if (performance.now() - startedMs > this.#limitMs) throw new Unwanted("not reset", "it could send on and on");
      const [piece] = this.#pieces(16_384);
      // A socket that is about to be closed takes everything: the loop must let its close come.
      await pause(1);
      if (piece && this.#socket.write(piece)) continue;
      await this.#until("its bytes are taken", () => !this.#socket.writableNeedDrain, true);
    }
  }

  /** @param broken whether it may be broken off */
  async #until(what: string, reached: () => boolean, broken = false): Promise<void> {
    const deadlineMs = performance.now() + this.#limitMs;
    for (;;) {
      this.check();
      if (reached()) return;
      if (this.#error !== "" || this.#closed) {
        if (broken) return;
        throw new Unwanted("reset", `waited for ${what}`);
      }
      if (this.#ended && this.#received < this.#wanted) throw new Unwanted("cut short", `waited for ${what}`);
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Unwanted("hung", `waited for ${what}`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          this.#waiters.delete(done);
          resolve();
        };
        timer = setTimeout(done, leftMs);
        this.#waiters.add(done);
      });
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
