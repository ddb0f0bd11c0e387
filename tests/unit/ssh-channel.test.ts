import { once } from "node:events";
import { expect, test } from "vitest";
import { Channel, windowBytes } from "#adapters/ssh/channel.ts";
import { ChannelStream } from "#adapters/ssh/channel-stream.ts";
import { ownReads } from "#adapters/ssh/reused-reads.ts";

function openChannel({ window = windowBytes, packetSize = 32_768 } = {}) {
  const said: string[] = [];
  const written: Buffer[] = [];
  const channel = new Channel(
    {
      channelData: (id, bytes) => {
        said.push(`data ${id} ${bytes.length}`);
        written.push(Buffer.from(bytes));
      },
      channelEOF: (id) => said.push(`end ${id}`),
      channelClose: (id) => said.push(`close ${id}`),
      channelWindowAdjust: (id, bytes) => said.push(`window ${id} ${bytes}`),
    },
    { id: 7, window, packetSize },
  );
  const owner = { reads: ownReads, full: false, whenWritable: (callback: () => void) => callback() };
  return { channel, said, written, stream: new ChannelStream(channel, owner) };
}

test("[ssh-channel] no more is sent than the window and the packet size allow, and the rest when it opens", async () => {
  const { channel, said, written, stream } = openChannel({ window: 25, packetSize: 10 });
  const sent = Buffer.from("abcdefghijklmnopqrstuvwxyz0123");
  stream.end(sent);
  expect(said).toEqual(["data 7 10", "data 7 10", "data 7 5"]);
  channel.takeWindow(2);
  channel.takeWindow(2 ** 32 - 1);
  await once(stream, "finish");
  expect(said.slice(3)).toEqual(["data 7 2", "data 7 3", "end 7"]);
  expect(Buffer.concat(written)).toEqual(sent);
});

test("[ssh-channel] what has no room at once is not written from shared memory", () => {
  const { channel, written, stream } = openChannel({ window: 4 });
  const shared = Buffer.from("12345678");
  stream.writeShared(shared);
  shared.fill("x");
  stream.writeShared(shared.fill("y"));
  channel.takeWindow(100);
  expect(String(Buffer.concat(written))).toBe("12345678yyyyyyyy");
});

test("[ssh-channel] the window is given back as bytes are taken, and not while they are not", () => {
  const { channel, said, stream } = openChannel();
  const half = windowBytes / 2;
  const source = stream.source();
  let takes = true;
  source.receive(() => takes, false);
  source.resume();
  channel.takeData(Buffer.alloc(half - 1));
  expect(said).toEqual([]);
  channel.takeData(Buffer.alloc(1));
  expect(said).toEqual([`window 7 ${half}`]);
  takes = false;
  channel.takeData(Buffer.alloc(half));
  channel.takeData(Buffer.alloc(half));
  expect(said.length).toBe(1);
  takes = true;
  source.resume();
  expect(said.slice(1)).toEqual([`window 7 ${windowBytes}`]);
});

test("[ssh-channel] a server that sends on against the window is cut off", async () => {
  const { channel, said, stream } = openChannel();
  channel.takeData(Buffer.alloc(windowBytes));
  const failed = once(stream, "error");
  channel.takeData(Buffer.alloc(1));
  expect(await failed).toMatchObject([{ code: "connection_lost", facts: { reset_by: "target" } }]);
  expect(said).toEqual(["close 7"]);
  channel.dropData(windowBytes);
  expect(said).toEqual(["close 7"]);
});

test("[ssh-channel] extended data is dropped, and counts", () => {
  const { channel, said } = openChannel();
  channel.dropData(windowBytes / 2);
  expect(said).toEqual([`window 7 ${windowBytes / 2}`]);
});

test("[ssh-channel] the server's close is answered once, and ends a write that waits for room", async () => {
  const { channel, said, stream } = openChannel({ window: 1 });
  const written = new Promise<unknown>((resolve) => {
    stream.write("abc", resolve);
  });
  const failed = once(stream, "error");
  channel.takeClose();
  channel.takeWindow(100);
  channel.takeClose();
  expect(await written).toBeFalsy();
  expect(await failed).toMatchObject([{ code: "connection_lost" }]);
  expect(said).toEqual(["data 7 1", "close 7"]);
});

test("[ssh-channel] what comes after the server's end of input is no data", async () => {
  const { channel, stream } = openChannel();
  const received: Buffer[] = [];
  const source = stream.source();
  source.receive((bytes) => received.push(bytes) > 0, false);
  source.resume();
  channel.takeEnd();
  const failed = once(stream, "error");
  channel.takeData(Buffer.from("more"));
  expect(await failed).toMatchObject([{ code: "connection_lost" }]);
  expect(received).toEqual([]);
});
