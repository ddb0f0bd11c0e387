import { constants, createInflate } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { ChannelReader } from "#adapters/kubernetes/wire/channel-reader.ts";
import { SpdyDecoder, type FrameSink } from "#adapters/kubernetes/wire/spdy-decoder.ts";
import { dataHeader, goAway, ping, rstStream, StreamOpener } from "#adapters/kubernetes/wire/spdy-frames.ts";
import { WebSocketDecoder } from "#adapters/kubernetes/wire/websocket-decoder.ts";

type Event = readonly [string, ...(number | string)[]];

function recorder(): { readonly sink: FrameSink; readonly events: () => Event[] } {
  const events: Event[] = [];
  return {
    sink: {
      data: (id, bytes) => {
        // Parts of one frame are joined, since chunks may be cut anywhere.
        const last = events.at(-1);
        if (last?.[0] === "data" && last[1] === id)
          events[events.length - 1] = ["data", id, last[2] + bytes.toString("hex")];
        else events.push(["data", id, bytes.toString("hex")]);
      },
      fin: (id) => void events.push(["fin", id]),
      reset: (id, status) => void events.push(["reset", id, status]),
      ping: (id) => void events.push(["ping", id]),
      goAway: (id) => void events.push(["goaway", id]),
      opened: (id) => void events.push(["opened", id]),
      replied: (id) => void events.push(["replied", id]),
    },
    events: () => events,
  };
}

const streamId = fc.integer({ min: 1, max: 0x7fff_ffff });
const frame: fc.Arbitrary<{ bytes: Buffer; events: Event[] }> = fc.oneof(
  fc.record({ id: streamId, fin: fc.boolean(), data: fc.uint8Array({ maxLength: 300 }) }).map(({ id, fin, data }) => ({
    bytes: Buffer.concat([dataHeader(id, data.length, fin), data]),
    events: [
      ...(data.length > 0 ? [["data", id, Buffer.from(data).toString("hex")] as Event] : []),
      ...(fin ? [["fin", id] as Event] : []),
    ],
  })),
  fc
    .tuple(streamId, fc.nat(11))
    .map(([id, status]) => ({ bytes: rstStream(id, status), events: [["reset", id, status] as Event] })),
  fc.nat(0xffff_ffff).map((id) => ({ bytes: ping(id), events: [["ping", id] as Event] })),
  streamId.map((id) => ({ bytes: goAway(id), events: [["goaway", id] as Event] })),
  streamId.map((id) => ({
    bytes: new StreamOpener().synStream(id, { port: "80" }),
    events: [["opened", id] as Event],
  })),
);

/** Cuts bytes at arbitrary places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...at, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : at[index - 1], end));
}

const join = (events: readonly Event[]): Event[] => {
  const { sink, events: all } = recorder();
  for (const [kind, id, more] of events) {
    if (kind === "data") sink.data(Number(id), Buffer.from(String(more), "hex"));
    else if (kind === "reset") sink.reset(Number(id), Number(more));
    else if (kind === "fin") sink.fin(Number(id));
    else if (kind === "ping") sink.ping(Number(id));
    else if (kind === "goaway") sink.goAway(Number(id));
    else sink.opened(Number(id));
  }
  return all();
};

function outcome(decoder: { push(chunk: Buffer): void }, chunks: readonly Uint8Array[]): string {
  try {
    for (const chunk of chunks) decoder.push(Buffer.from(chunk));
    return "read";
  } catch (error) {
    return error instanceof ConnectivityError ? error.code : String(error);
  }
}

describe("SPDY frames", () => {
  test("are read the same, however their bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(5000)), (frames, places) => {
        const { sink, events } = recorder();
        const decoder = new SpdyDecoder(sink);
        for (const chunk of cut(Buffer.concat(frames.map(({ bytes }) => bytes)), places)) decoder.push(chunk);
        expect(events()).toEqual(join(frames.flatMap((one) => one.events)));
      }),
    );
  });

  test("[wire-hostile] anything else ends with a code, never with another error, and keeps nothing", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 200 }),
            frame.map(({ bytes }) => bytes),
          ),
        ),
        (chunks) => {
          const decoder = new SpdyDecoder(recorder().sink);
          expect(outcome(decoder, chunks)).toMatch(/^(read|connection_lost)$/);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    ["an oversized control frame", [0x80, 3, 0, 2, 0, 0xff, 0xff, 0xff]],
    ["a truncated RST_STREAM", [0x80, 3, 0, 3, 0, 0, 0, 4]],
    ["another version", [0x80, 2, 0, 6, 0, 0, 0, 4]],
    ["an unknown type", [0x80, 3, 0, 5, 0, 0, 0, 4]],
    ["a data frame of stream 0", [0, 0, 0, 0, 0, 0, 0, 1]],
  ])("%s is refused", (_what, bytes) => {
    expect(() => new SpdyDecoder(recorder().sink).push(Buffer.from(bytes))).toThrow(ConnectivityError);
  });

  test("a header block that would expand without end is skipped unread", () => {
    const { sink, events } = recorder();
    const decoder = new SpdyDecoder(sink);
    decoder.push(
      Buffer.concat([Buffer.from([0x80, 3, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 1]), Buffer.alloc(65_531, 0x78), ping(2)]),
    );
    expect(events()).toEqual([
      ["replied", 1],
      ["ping", 2],
    ]);
  });

  test("header blocks are one valid zlib stream that is flushed after each block", async () => {
    const opener = new StreamOpener();
    const inflate = createInflate({ finishFlush: constants.Z_SYNC_FLUSH });
    const out: Buffer[] = [];
    inflate.on("data", (chunk: Buffer) => out.push(chunk));
    for (const port of ["80", "5432"]) {
      const block = opener.synStream(1, { streamtype: "data", port }).subarray(18);
      await new Promise((resolve) => {
        inflate.write(block, resolve);
      });
    }
    const bytes = Buffer.concat(out);
    expect(bytes.readUInt32BE(0)).toBe(2);
    expect(bytes.toString("latin1")).toContain("\0\0\0\x045432");
    inflate.destroy();
  });
});

function webSocketFrame(opcode: number, payload: Uint8Array, final: boolean): Buffer {
  const length = payload.length;
  const head = length < 126 ? Buffer.from([0, length]) : Buffer.from([0, 126, length >> 8, length & 255]);
  head[0] = (final ? 0x80 : 0) | opcode;
  return Buffer.concat([head, payload]);
}

describe("channels of v4.channel.k8s.io", () => {
  test("[wire-hostile] data comes out whole however it is cut; the ports before it do not", () => {
    const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 6 });
    fc.assert(
      fc.property(messages, messages, fc.array(fc.nat(40)), (data, errors, places) => {
        const reader = new ChannelReader();
        const out: Buffer[] = [];
        const port = Buffer.from([0x38, 0x15]);
        const all = [
          ...[port, ...data].map((bytes) => Buffer.concat([Buffer.from([0]), bytes])),
          ...[port, ...errors].map((bytes) => Buffer.concat([Buffer.from([1]), bytes])),
        ];
        for (const message of all) {
          reader.message();
          for (const part of cut(message, places)) if (part.length > 0) out.push(reader.read(part) ?? Buffer.alloc(0));
        }
        expect(Buffer.concat(out)).toEqual(Buffer.concat(data));
        expect(reader.errorText.length).toBeLessThanOrEqual(4096);
      }),
    );
  });
});

describe("WebSocket frames", () => {
  test("payloads come out in order, however messages are fragmented and bytes are cut", () => {
    const message = fc.tuple(fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 1, maxLength: 4 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(fc.nat(5000)), (messages, places) => {
        const wire: Buffer[] = [];
        const pings: string[] = [];
        for (const [fragments, pinged] of messages) {
          for (const [index, fragment] of fragments.entries()) {
            wire.push(webSocketFrame(index === 0 ? 2 : 0, fragment, index === fragments.length - 1));
            if (pinged) wire.push(webSocketFrame(9, Buffer.from("?"), true));
          }
        }
        const out: Buffer[] = [];
        const decoder = new WebSocketDecoder({
          bytes: (chunk) => void out.push(chunk),
          ping: (payload) => void pings.push(payload.toString()),
          close: () => {},
        });
        for (const chunk of cut(Buffer.concat(wire), places)) decoder.push(chunk);
        expect(Buffer.concat(out)).toEqual(Buffer.concat(messages.flatMap(([fragments]) => fragments)));
        expect(pings.length).toBe(
          messages.reduce((sum, [fragments, pinged]) => sum + (pinged ? fragments.length : 0), 0),
        );
      }),
    );
  });

  test("lengths of two and eight bytes are read, whatever the pieces", () => {
    const big = Buffer.alloc(70_000, 7);
    const head = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    fc.assert(
      fc.property(fc.array(fc.nat(80_000), { maxLength: 6 }), fc.integer({ min: 126, max: 2000 }), (places, medium) => {
        let [bytes, messages] = [0, 0];
        const decoder = new WebSocketDecoder({
          bytes: (chunk) => (bytes += chunk.length),
          message: () => messages++,
          ping: () => {},
          close: () => {},
        });
        const wire = Buffer.concat([head, big, webSocketFrame(2, new Uint8Array(medium), true)]);
        for (const chunk of cut(wire, places)) decoder.push(chunk);
        expect([bytes, messages]).toEqual([big.length + medium, 2]);
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ["text", [0x81, 1, 0x61]],
    ["a masked frame", [0x82, 0x80]],
    ["a reserved bit", [0xc2, 0]],
    ["an unknown opcode", [0x83, 0]],
    ["a long ping", [0x89, 126]],
    ["a fragmented ping", [0x09, 0]],
    ["a continuation of nothing", [0x80, 0]],
    ["a length of 2^63", [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]],
  ])("%s is refused", (_what, bytes) => {
    const decoder = new WebSocketDecoder({ bytes: () => {}, ping: () => {}, close: () => {} });
    expect(() => decoder.push(Buffer.from(bytes))).toThrow(ConnectivityError);
  });

  test("arbitrary bytes end with a code or are read, nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        const decoder = new WebSocketDecoder({ bytes: () => {}, ping: () => {}, close: () => {} });
        expect(outcome(decoder, chunks)).toMatch(/^(read|connection_lost)$/);
      }),
      { numRuns: 500 },
    );
  });
});
