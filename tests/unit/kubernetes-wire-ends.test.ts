import net from "node:net";
import { Duplex, duplexPair } from "node:stream";
import { describe, expect, test } from "vitest";
import type { LocalConnection } from "#application/ports/local-listener.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import type { ByteLink, ByteSink, WebSocketLink } from "#adapters/kubernetes/wire/byte-link.ts";
import { ChannelStream } from "#adapters/kubernetes/wire/channel-stream.ts";
import { FrameBuffers } from "#adapters/kubernetes/wire/frame-buffers.ts";
import { Outbox } from "#adapters/kubernetes/wire/outbox.ts";
import { Pace } from "#adapters/kubernetes/wire/reached.ts";
import type { StreamHost } from "#adapters/kubernetes/wire/stream-host.ts";
import { ForwardStream } from "#adapters/kubernetes/wire/tunnel-stream.ts";
import { streamSource } from "#adapters/net/byte-source.ts";
import { createLocalListeners } from "#adapters/net/local-listeners.ts";
import { ReadBuffers } from "#adapters/net/read-buffers.ts";
import { relay } from "#adapters/net/relay.ts";
import { realClock } from "../support/kubernetes-access.ts";
import { atRest, createSimulatedClock } from "../support/simulated-clock.ts";

const target = { namespace: "default", pod: "web-0", port: 80 };
const ignore = (): void => {};

describe("[wire-hostile] what a server asks is bounded by its own answers", () => {
  const outbox = (): Outbox => {
    // A system that takes nothing.
    const link = { headroom: 0, write: ignore, gather: ignore } as unknown as ByteLink;
    return new Outbox(link, new FrameBuffers(), 512 * 1024, ignore);
  };

  test("many writers at once are no reason to refuse its ping", () => {
    const sending = outbox();
    for (let id = 1; id < 64; id += 2) sending.data(id, Buffer.alloc(65_536), ignore);
    expect(() => sending.answer(Buffer.alloc(12))).not.toThrow();
  });

  test("asking on without reading is", () => {
    const sending = outbox();
    const ask = (): void => {
      for (let asked = 0; asked < 10_000; asked++) sending.answer(Buffer.alloc(12));
    };
    expect(ask).toThrow("broke its protocol");
  });
});

describe("the end of a stream on a tunnel that is not read for a while", () => {
  function opened() {
    const clock = createSimulatedClock();
    const host = {
      stalled: false,
      sendData: () => true,
      sendFin: ignore,
      ending: ignore,
      sendReset: ignore,
      drained: ignore,
      release: ignore,
      reached: () => Promise.resolve(),
      after: (ms: number, run: () => void) => clock.after(ms, run),
    };
    const stream = new ForwardStream(host satisfies StreamHost, { errorId: 1, dataId: 3, waits: false }, target);
    const seen: string[] = [];
    stream.on("error", (error) => seen.push((error as ConnectivityError).code));
    stream.on("end", () => seen.push("end"));
    stream.resume();
    return { clock, host, stream, seen };
  }

  test("a refusal whose text stands behind another's slow reader is a refusal, not an end in order", async () => {
    const { clock, host, stream, seen } = opened();
    stream.remoteEnd();
    host.stalled = true;
    await clock.advance(5000);
    expect(seen).toEqual([]);
    host.stalled = false;
    stream.receiveError(Buffer.from("dial tcp4 127.0.0.1:80: connect: connection refused"));
    stream.errorEnd();
    await atRest();
    expect(seen).toEqual(["target_port_closed"]);
  });

  test("an end without a text is one soon after", async () => {
    const { clock, host, stream, seen } = opened();
    stream.remoteEnd();
    host.stalled = true;
    await clock.advance(5000);
    host.stalled = false;
    await clock.advance(300);
    expect(seen).toEqual(["end"]);
  });
});

describe("the ends of a connection with a WebSocket of its own", () => {
  function dialled() {
    const clock = createSimulatedClock();
    let sink: ByteSink | undefined;
    let goodbyes = 0;
    const link = {
      headroom: 14,
      start: (given: ByteSink) => (sink = given),
      write: (_bytes: Buffer, done: () => void) => setImmediate(done),
      pause: ignore,
      resume: ignore,
      ping: () => sink?.heard?.(),
      end: () => goodbyes++,
      destroy: ignore,
    } as unknown as WebSocketLink;
    let open!: () => void;
    const stream = new ChannelStream(() => new Promise((resolve) => (open = () => resolve(link))), clock, target, {
      pace: new Pace(),
      open: () => new Duplex(),
    });
    return { clock, stream, open, sink: () => sink as ByteSink, goodbyes: () => goodbyes };
  }

  test("an input that ended before the WebSocket was open is ended after it", async () => {
    const { clock, stream, open, goodbyes } = dialled();
    stream.end();
    await clock.advance(3000);
    open();
    await clock.advance(500);
    expect(goodbyes()).toBe(0);
    await clock.advance(2000);
    expect(goodbyes()).toBe(1);
    stream.destroy();
  });

  test("a client that sends on after the target's end still gets all of the answer", async () => {
    const { stream, open, sink } = dialled();
    open();
    await atRest();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error));
    const closed = new Promise((resolve) => stream.once("close", resolve));
    sink().message?.();
    sink().bytes(Buffer.concat([Buffer.from([0, 80, 0]), Buffer.alloc(40_000, "a")]));
    sink().ended(undefined, true);
    await atRest();
    stream.write("more");
    await atRest();
    let got = 0;
    stream.on("data", (chunk: Buffer) => (got += chunk.length));
    await closed;
    expect(errors).toEqual([]);
    expect(got).toBe(40_000);
  });
});

describe("a target that is gone while its client is held back", () => {
  test("the client is read to its end, and its connection closes", async () => {
    const [client, far] = duplexPair();
    client.on("error", ignore);
    const closed = new Promise((resolve) => far.once("close", () => resolve("closed")));
    let take = ignore;
    const stream = new Duplex({
      allowHalfOpen: true,
      read: ignore,
      write: (_chunk, _encoding, done) => void (take = done),
    });
    const outcome = relay(
      streamSource(far),
      { bytes: [], ended: false },
      streamSource(stream),
      realClock,
      new ReadBuffers(),
    );
    client.resume();
    for (let sent = 0; sent < 8; sent++) client.write(Buffer.alloc(65_536));
    client.end();
    await atRest();
    stream.push(null);
    stream.end();
    take();
    await atRest();
    take();
    const silent = new Promise((resolve) => setTimeout(() => resolve("nothing"), 2000));
    expect(await Promise.race([closed, silent])).toBe("closed");
    expect(await outcome).toMatchObject({ bytesDown: 0 });
  });
});

describe("a client that closed without a word while its connection was refused", () => {
  test.skipIf(process.platform !== "linux")("is gone, and waits for nothing", async () => {
    const owners = { find: () => Promise.resolve(undefined) } as never;
    let accept!: (connection: LocalConnection) => void;
    const accepted = new Promise<LocalConnection>((resolve) => (accept = resolve));
    const listener = await createLocalListeners({ portOwners: owners, clock: realClock }).listen(
      "127.0.0.1",
      0,
      accept,
    );
    const client = net.connect(listener.port, "127.0.0.1");
    const connection = await accepted;
    const refused = new ConnectivityError("target_port_closed", "nothing listens", { delivered: false });
    const stream = new Duplex({
      read: ignore,
      write: (_chunk, _encoding, done) => done(),
      final: () => void stream.destroy(refused),
    });
    const relaying = connection.relay(stream);
    client.destroy();
    expect(await relaying).toEqual({ ended: "undelivered" });
    const gone = new Promise((resolve) => connection.onGone(() => resolve("gone")));
    const silent = new Promise((resolve) => setTimeout(() => resolve("nothing"), 2000));
    expect(await Promise.race([gone, silent])).toBe("gone");
    await listener.close();
  });
});
