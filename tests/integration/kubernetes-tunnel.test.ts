import { once } from "node:events";
import net from "node:net";
import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { RawLink } from "#adapters/kubernetes/wire/byte-link.ts";
import { SpdyDecoder, type FrameSink } from "#adapters/kubernetes/wire/spdy-decoder.ts";
import { dataHeader, goAway, ping, rstStream } from "#adapters/kubernetes/wire/spdy-frames.ts";
import { Tunnel } from "#adapters/kubernetes/wire/tunnel.ts";
import { tunnelLimits, type TunnelLimits } from "#adapters/kubernetes/wire/tunnel-limits.ts";
import { realClock } from "../support/kubernetes-access.ts";

const target = { namespace: "default", pod: "web-0", port: 80 };

/** A SYN_REPLY without headers. */
const synReply = (id: number): Buffer => {
  const frame = Buffer.from([0x80, 3, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  frame.writeUInt32BE(id, 8);
  return frame;
};
const data = (id: number, bytes: Buffer | string): Buffer =>
  Buffer.concat([dataHeader(id, bytes.length, false), Buffer.from(bytes)]);

/** The far end of one tunnel on a real socket; what it reads is noted, what it says is up to the test. */
class Peer {
  readonly socket: net.Socket;
  readonly events: string[] = [];
  readonly bytes = new Map<number, number>();
  answersPings = true;
  answersOpenings = true;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    const sink: FrameSink = {
      data: (id, chunk) => void this.bytes.set(id, (this.bytes.get(id) ?? 0) + chunk.length),
      fin: (id) => void this.events.push(`fin ${id}`),
      reset: (id) => void this.events.push(`reset ${id}`),
      ping: (id) => {
        this.events.push(`ping ${id}`);
        if (this.answersPings) socket.write(ping(id));
      },
      goAway: () => void this.events.push("goaway"),
      opened: (id) => {
        this.events.push(`opened ${id}`);
        if (this.answersOpenings) socket.write(synReply(id));
      },
      replied: () => {},
    };
    const decoder = new SpdyDecoder(sink);
    socket.on("data", (chunk: Buffer) => decoder.push(chunk));
  }
}

describe("a tunnel to a pod, on a real connection", () => {
  const scope: (() => void)[] = [];
  afterEach(() => {
    for (const end of scope.splice(0).toReversed()) end();
  });

  async function pair(limits: Partial<TunnelLimits> = {}): Promise<{ tunnel: Tunnel; peer: Peer }> {
    const server = net.createServer({ allowHalfOpen: false }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const accepted = once(server, "connection") as Promise<[net.Socket]>;
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    const [far] = await accepted;
    server.close();
    const peer = new Peer(far);
    const tunnel = new Tunnel(new RawLink(socket, Buffer.alloc(0)), realClock, {
      limits: { ...tunnelLimits, ...limits },
    });
    scope.push(() => {
      tunnel.destroy();
      far.destroy();
    });
    return { tunnel, peer };
  }
  const failure = (stream: NodeJS.EventEmitter): Promise<ConnectivityError> =>
    new Promise((resolve) => {
      stream.on("error", (error: ConnectivityError) => resolve(error));
    });

  test("[wire-pings] a peer that falls silent is noticed within two intervals, a live one never", async () => {
    const pingIntervalMs = 300;
    const { tunnel, peer } = await pair({ pingIntervalMs });
    await new Promise((resolve) => setTimeout(resolve, 4 * pingIntervalMs));
    expect(tunnel.usable).toBe(true);
    peer.answersPings = false;
    const silentSinceMs = performance.now();
    expect((await tunnel.closed)?.message).toContain("no longer answers");
    // Timers may come late on a busy machine.
    expect(performance.now() - silentSinceMs).toBeLessThan(2 * pingIntervalMs + 250);
  });

  test("[wire-pings] a target that takes no bytes is no dead peer while another tunnel is answered", async () => {
    const { tunnel, peer } = await pair({ pingIntervalMs: 100 });
    tunnel.othersRespond = () => true;
    const stream = tunnel.open(target);
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    peer.socket.pause();
    let sent = 0;
    while (sent < 64_000_000) {
      sent += 65_536;
      if (stream.write(Buffer.alloc(65_536))) continue;
      const taken = await Promise.race([
        once(stream, "drain").then(() => true),
        new Promise((resolve) => setTimeout(() => resolve(false), 800)),
      ]);
      if (taken === false) break;
    }
    expect(tunnel.usable).toBe(true);
    peer.socket.resume();
    await vi.waitFor(() => expect(peer.bytes.get(3)).toBe(sent), 10_000);
    // Nobody answers anywhere: then it is dead.
    tunnel.othersRespond = () => false;
    peer.socket.pause();
    while (stream.write(Buffer.alloc(65_536)));
    expect((await tunnel.closed)?.code).toBe("connection_lost");
  });

  test("[wire-hostile] a server that asks on and on without reading answers is cut", async () => {
    const { tunnel, peer } = await pair();
    peer.socket.pause();
    const many = Buffer.concat(Array.from({ length: 4000 }, () => ping(2)));
    const flood = (): void => {
      while (!peer.socket.destroyed && peer.socket.write(many));
      if (!peer.socket.destroyed) peer.socket.once("drain", flood);
    };
    flood();
    const cause = await tunnel.closed;
    expect(cause?.code).toBe("connection_lost");
    peer.socket.destroy();
  });

  test("[wire-hostile] one byte a frame to a reader that stands still is braked early", async () => {
    const { tunnel, peer } = await pair();
    const stream = tunnel.open(target);
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    const tiny = Buffer.concat(Array.from({ length: 1000 }, () => data(3, "x")));
    let sent = 0;
    for (; sent < 100_000_000; sent += tiny.length) {
      if (peer.socket.write(tiny)) continue;
      const taken = await Promise.race([
        once(peer.socket, "drain").then(() => true),
        new Promise((resolve) => setTimeout(() => resolve(false), 500)),
      ]);
      if (taken === false) break;
    }
    expect(sent).toBeLessThan(100_000_000);
    expect(tunnel.stalled).toBe(true);
    stream.resume();
    await vi.waitFor(() => expect(tunnel.stalled).toBe(false));
  });

  test("[wire-shared] a reader that stands still on a shared tunnel does not stop the others, and is cut in the end", async () => {
    const { tunnel, peer } = await pair({ stallMs: 500 });
    const [stalled, lively] = [tunnel.open(target), tunnel.open(target)];
    await vi.waitFor(() => expect(peer.events).toContain("opened 7"));
    const cut = failure(stalled);
    peer.socket.write(data(3, Buffer.alloc(1_000_000)));
    peer.socket.write(data(7, "hello"));
    expect(String((await once(lively, "data"))[0])).toBe("hello");
    peer.socket.write(data(3, Buffer.alloc(3_000_000)));
    await vi.waitFor(() => expect(tunnel.stalled).toBe(true));
    peer.socket.write(data(7, "world"));
    expect(String((await once(lively, "data"))[0])).toBe("world");
    expect((await cut).message).toContain("stood still");
    expect(tunnel.stalled).toBe(false);
  });

  test("[wire-shared] one that reads on slowly is not cut with those that stand still", async () => {
    const { tunnel, peer } = await pair({ stallMs: 500 });
    const [slow, lively] = [tunnel.open(target), tunnel.open(target)];
    await vi.waitFor(() => expect(peer.events).toContain("opened 7"));
    const lost = vi.fn<(error: Error) => void>();
    slow.on("error", lost);
    const bytes = 4_000_000;
    peer.socket.write(data(3, Buffer.alloc(bytes)));
    await vi.waitFor(() => expect(tunnel.stalled).toBe(true));
    peer.socket.write(data(7, "world"));
    const said = once(lively, "data");
    let read = 0;
    const pausedMs = performance.now();
    // Longer than one that stands still may hold up others, and shorter than it may while it reads.
    while (performance.now() - pausedMs < 1500) {
      read += (slow.read() as Buffer | null)?.length ?? 0;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(tunnel.stalled).toBe(true);
    slow.on("data", (chunk: Buffer) => (read += chunk.length));
    await vi.waitFor(() => expect(read).toBe(bytes), 5000);
    expect(String((await said)[0])).toBe("world");
    expect(lost).not.toHaveBeenCalled();
  });

  test("[wire-goaway] streams that the server never looked at fail, the others end in order", async () => {
    const { tunnel, peer } = await pair();
    const first = tunnel.open(target);
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    peer.answersOpenings = false;
    const second = tunnel.open(target);
    const lost = failure(second);
    peer.socket.write(goAway(3));
    expect((await lost).code).toBe("connection_lost");
    expect(tunnel.usable).toBe(false);
    expect(() => tunnel.open(target)).toThrow("closed before");
    peer.socket.write(Buffer.concat([data(3, "last"), dataHeader(3, 0, true), dataHeader(1, 0, true)]));
    let text = "";
    first.on("data", (chunk: Buffer) => (text += String(chunk)));
    first.end();
    expect(await tunnel.closed).toBeUndefined();
    expect(text).toBe("last");
  });

  test("[wire-eager] an opening that stays unanswered fails, and later ones wait for the answer", async () => {
    const { tunnel, peer } = await pair({ openMs: 1500 });
    peer.answersOpenings = false;
    const eager = tunnel.open(target);
    eager.write("at once");
    const unanswered = failure(eager);
    await vi.waitFor(() => expect(peer.bytes.get(3)).toBe(7));
    expect((await unanswered).code).toBe("forward_refused");
    const patient = tunnel.open(target);
    patient.write("later");
    await vi.waitFor(() => expect(peer.events).toContain("opened 7"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(peer.bytes.get(7)).toBeUndefined();
    peer.socket.write(synReply(7));
    await vi.waitFor(() => expect(peer.bytes.get(7)).toBe(5));
  });

  test("[wire-eager] one unanswered opening among others that were answered: nothing new goes there, others go on", async () => {
    const { tunnel, peer } = await pair({ openMs: 500 });
    const kept = tunnel.open(target);
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    const heard = once(kept, "data");
    peer.answersOpenings = false;
    const unanswered = failure(tunnel.open(target));
    expect((await unanswered).code).toBe("forward_refused");
    expect(tunnel.usable).toBe(false);
    peer.socket.write(data(3, "still here"));
    expect(String((await heard)[0])).toBe("still here");
  });

  test("a connection whose client sends no more leaves its place to a new one, and still ends in order", async () => {
    const { tunnel, peer } = await pair();
    const stream = tunnel.open({ ...target, endCuts: true });
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    expect(tunnel.streams).toBe(1);
    stream.end("bye");
    await vi.waitFor(() => expect(tunnel.streams).toBe(0));
    expect(tunnel.empty).toBe(false);
    expect(peer.events).not.toContain("fin 3");
    // Its client is gone: nobody waits for an answer.
    stream.unattended();
    await vi.waitFor(() => expect(peer.events).toContain("fin 3"));
    stream.resume();
    peer.socket.write(Buffer.concat([dataHeader(3, 0, true), dataHeader(1, 0, true)]));
    await vi.waitFor(() => expect(tunnel.empty).toBe(true));
    expect(tunnel.streams).toBe(0);
  });

  describe("[wire-left] bytes that may lie unread on the server's side after the end of their stream", () => {
    const told = (text: string): Buffer =>
      Buffer.concat([data(1, `error forwarding port 80: ${text}`), dataHeader(1, 0, true)]);

    /** Whether the tunnel takes another stream after one that sent so much and ended so. */
    async function usableAfter(
      bytes: number,
      end: (peer: Peer, stream: ReturnType<Tunnel["open"]>) => void,
      answer = false,
    ): Promise<boolean> {
      const { tunnel, peer } = await pair();
      const stream = tunnel.open({ ...target, endCuts: true });
      const over = new Promise((resolve) => stream.once("close", resolve));
      stream.on("data", () => {}).on("error", () => {});
      if (bytes > 0) stream.write(Buffer.alloc(bytes));
      await vi.waitFor(() => expect(peer.bytes.get(3) ?? 0).toBe(bytes));
      if (answer) {
        const heard = once(stream, "data");
        peer.socket.write(data(3, "answer"));
        await heard;
      }
      end(peer, stream);
      await over;
      return tunnel.usable;
    }
    const reset = (peer: Peer): unknown => peer.socket.write(told("write: broken pipe"));
    const refuse = (peer: Peer): unknown => peer.socket.write(told("connect: connection refused"));
    const finish = (peer: Peer, stream: ReturnType<Tunnel["open"]>): void => {
      stream.once("end", () => stream.end());
      peer.socket.write(Buffer.concat([dataHeader(3, 0, true), dataHeader(1, 0, true)]));
    };
    const cancel = (_peer: Peer, stream: ReturnType<Tunnel["open"]>): unknown => stream.destroy();

    test.each([
      ["a reset in the middle of an upload", 300_000, reset, false],
      ["an upload that the client cancels", 300_000, cancel, false],
      ["an upload that the target ends, whatever it answered", 300_000, finish, false],
      ["a refusal of a connection that had sent something", 100, refuse, false],
      ["an end without an answer to what was sent", 100, finish, false],
    ])("%s: nothing new goes there", async (_name, bytes, end, usable) => {
      expect(await usableAfter(bytes, end)).toBe(usable);
    });

    test.each([
      ["a request that was answered", 100, finish],
      ["a request that was answered, and then reset", 100, reset],
      ["a client that leaves after its request was answered", 100, cancel],
    ])("%s: the tunnel is as good as before", async (_name, bytes, end) => {
      expect(await usableAfter(bytes, end, true)).toBe(true);
    });

    test.each([
      ["a refusal before anything was sent", refuse],
      ["an end in order before anything was sent", finish],
    ])("%s: the tunnel is as good as before", async (_name, end) => {
      expect(await usableAfter(0, end)).toBe(true);
    });

    test("what a client sends after the target's end is not sent on", async () => {
      const { tunnel, peer } = await pair();
      const stream = tunnel.open({ ...target, endCuts: true });
      const ended = once(stream.resume(), "end");
      await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
      peer.socket.write(Buffer.concat([dataHeader(3, 0, true), dataHeader(1, 0, true)]));
      await ended;
      stream.end("goodbye");
      await vi.waitFor(() => expect(peer.events).toContain("fin 3"));
      expect(peer.bytes.get(3)).toBeUndefined();
      expect(tunnel.usable).toBe(true);
    });
  });

  test.each([
    ["its end is the whole connection's", true, false],
    ["a reset follows its end", false, true],
  ])(
    "[wire-told-end] a target that is gone after its last byte (%s) lets nobody send on for ever",
    async (_how, endCuts, resets) => {
      const { tunnel, peer } = await pair();
      const stream = tunnel.open({ ...target, endCuts });
      const closed = new Promise((resolve) => stream.once("close", resolve));
      let answer = "";
      stream.on("data", (bytes) => (answer += String(bytes)));
      await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
      peer.socket.write(Buffer.concat([data(3, "413"), dataHeader(3, 0, true), dataHeader(1, 0, true)]));
      await once(stream, "end");
      if (resets) peer.socket.write(rstStream(3, 5));
      // Without a word of ours.
      await closed;
      expect(answer).toBe("413");
      expect(stream.errored).toBe(null);
      expect(tunnel.empty).toBe(true);
    },
  );

  test("a drained tunnel closes although its peer does not, and although it was paused", async () => {
    const { tunnel, peer } = await pair();
    const stream = tunnel.open(target);
    await vi.waitFor(() => expect(peer.events).toContain("opened 3"));
    peer.socket.write(data(3, Buffer.alloc(2_000_000)));
    await vi.waitFor(() => expect(tunnel.stalled).toBe(true));
    const gone = once(peer.socket, "close");
    tunnel.drain();
    stream.destroy();
    expect(await tunnel.closed).toBeUndefined();
    await gone;
  });

  test("[wire-hostile] frames in any order, with any ids, end streams and tunnel with codes and nothing else", async () => {
    const id = fc.constantFrom(1, 3, 5, 7, 2, 9);
    const anyFrame = fc.oneof(
      fc
        .record({ id, fin: fc.boolean(), bytes: fc.uint8Array({ maxLength: 40 }) })
        .map(({ id: to, fin, bytes }) => Buffer.concat([dataHeader(to, bytes.length, fin), bytes])),
      id.map((to) => rstStream(to, 5)),
      id.map(synReply),
      fc.nat(9).map((pingId) => ping(pingId)),
      fc.nat(9).map((last) => goAway(last)),
      fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 12 }), async (frames) => {
        const { tunnel, peer } = await pair();
        const streams = [tunnel.open(target), tunnel.open(target)];
        const failures = streams.map(
          (stream) => new Promise<unknown>((resolve) => stream.once("close", () => resolve(stream.errored))),
        );
        for (const stream of streams) stream.resume();
        for (const bytes of frames) peer.socket.write(bytes);
        peer.socket.end();
        await tunnel.closed;
        for (const stream of streams) stream.end();
        for (const failure of await Promise.all(failures)) {
          expect(failure === null || failure instanceof ConnectivityError).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ["data of a stream that never was", data(99, "x")],
    ["data of a stream of the server's that never was", data(2, "x")],
    ["a reset of a stream that never was", rstStream(41, 5)],
    ["a stream opened with one of our ids", Buffer.from([0x80, 3, 0, 1, 0, 0, 0, 10, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0])],
  ])("[wire-hostile] %s ends the tunnel with a code", async (_what, bytes) => {
    const { tunnel, peer } = await pair();
    peer.socket.write(bytes);
    expect((await tunnel.closed)?.code).toBe("connection_lost");
  });
});
