import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { Channels, type ChannelFollower } from "#adapters/ssh/openssh/channels.ts";
import { channelEvent } from "#adapters/ssh/openssh/log-lines.ts";
import { MuxClient } from "#adapters/ssh/openssh/mux-client.ts";
import { helloMessage, MuxReader, stdioForwardMessage } from "#adapters/ssh/openssh/mux-messages.ts";

function follower(): { readonly told: string[] } & ChannelFollower {
  const told: string[] = [];
  const tell = (what: string) => () => void told.push(what);
  return {
    told,
    confirmed: tell("confirmed"),
    refused: tell("refused"),
    eof: tell("eof"),
    outputShut: tell("outputShut"),
    closed: tell("closed"),
    freed: tell("freed"),
  };
}

const read = (channels: Channels, ...lines: string[]): void => {
  for (const line of lines) {
    const event = channelEvent(line);
    expect(event).toBeDefined();
    if (event) channels.take(event);
  }
};

const opened = (channel: number, port: number): string[] => [
  `debug1: channel_connect_stdio_fwd: 127.0.0.1:${port}`,
  `debug1: channel ${channel}: new stdio-forward [stdio-forward] (inactive timeout: 0)`,
  `debug2: channels.c:channel_input_open_confirmation():3518 (pid=7): channel ${channel}: open confirm rwindow 2097152 rmax 32768`,
];
const ended = (channel: number): string[] => [
  `debug2: nchan.c:chan_rcvd_ieof():257 (pid=7): channel ${channel}: rcvd eof`,
  `debug2: nchan.c:chan_shutdown_write():381 (pid=7): channel ${channel}: (i3 o1 sock 9 wfd 9 efd -1 [closed])`,
  `debug2: nchan.c:chan_rcvd_oclose():270 (pid=7): channel ${channel}: rcvd close`,
  `debug1: channel ${channel}: free: direct-tcpip: stdio-forward, nchannels 18`,
];
const whole = ["eof", "outputShut", "closed", "freed"];

describe("[ssh-handed-clients] what OpenSSH's log and its control connections tell of handed clients", () => {
  test("the log may be read before the answer, after it, and a number is used again", () => {
    const channels = new Channels();
    const [first, second, third] = [follower(), follower(), follower()];
    read(channels, ...opened(3, 80), ...ended(3));
    channels.handed.adopt(3, first);
    expect(first.told).toEqual(whole);
    channels.handed.adopt(3, second);
    channels.handed.adopt(4, third);
    read(channels, ...opened(4, 80), ...opened(3, 81), ...ended(3));
    expect([second.told, third.told]).toEqual([whole, []]);
    read(channels, ...ended(4));
    expect(third.told).toEqual(whole);
  });

  test("a channel that was confirmed and is nobody's yet is known by its target", () => {
    const channels = new Channels();
    const [asked, created, confirmed] = opened(3, 80);
    read(channels, asked ?? "", created ?? "");
    expect(channels.handed.hasUnknown("127.0.0.1 80")).toBe(false);
    read(channels, confirmed ?? "");
    expect(channels.handed.hasUnknown("127.0.0.1 80")).toBe(true);
    expect(channels.handed.hasUnknown("127.0.0.1 81")).toBe(false);
    channels.handed.adopt(3, follower());
    expect(channels.handed.hasUnknown("127.0.0.1 80")).toBe(false);
  });

  test("a refusal is told to one that waits for this target, whichever comes first; else nothing, in time", async () => {
    const channels = new Channels();
    const refused = (channel: number, port: number): void =>
      read(
        channels,
        ...opened(channel, port).slice(0, 2),
        `channel ${channel}: open failed: connect failed: Connection refused`,
      );
    refused(3, 80);
    refused(3, 81);
    const reason = { reason: "connect_failed", text: "Connection refused" };
    expect(await channels.handed.refusal("127.0.0.1 81", 5)).toEqual(reason);
    expect(await channels.handed.refusal("127.0.0.1 81", 5)).toBeUndefined();
    expect(await channels.handed.refusal("127.0.0.1 80", 5)).toEqual(reason);
    const early = channels.handed.refusal("127.0.0.1 80", 5000);
    refused(5, 80);
    expect(await early).toEqual(reason);
  });

  test("lines of older versions", () => {
    expect(channelEvent("debug1: channel 2: new [direct-tcpip]")).toEqual({ kind: "new", channel: 2 });
    expect(channelEvent("debug1: channel 2: new [stdio-forward]")).toEqual({ kind: "new_handed", channel: 2 });
    expect(channelEvent("debug1: channel 2: new mux-control [mux-control] (inactive timeout: 0)")).toBeUndefined();
  });
});

describe("[ssh-handed-clients] the protocol of the control socket", () => {
  const uint32 = (...values: number[]): Buffer =>
    Buffer.concat(
      values.map((value) => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(value);
        return bytes;
      }),
    );

  test("what we say", () => {
    expect(helloMessage()).toEqual(uint32(8, 1, 4));
    expect(stdioForwardMessage({ host: "db", port: 5432 })).toEqual(
      Buffer.concat([uint32(22, 0x1000_0008, 1, 0, 2), Buffer.from("db"), uint32(5432)]),
    );
  });

  test("answers in pieces, several at once, and what is passed over", () => {
    const reader = new MuxReader();
    const bytes = Buffer.concat([
      uint32(8, 1, 4),
      uint32(12, 0x8000_0006, 1, 7),
      uint32(8, 0x8000_0005, 1),
      uint32(12, 0x8000_0003, 1, 0),
      uint32(12, 0x8000_0002, 1, 0),
    ]);
    const answers = [...bytes].flatMap((byte) => reader.take(Buffer.of(byte)) ?? []);
    const expected = [{ kind: "hello" }, { kind: "opened", channel: 7 }, { kind: "failed" }, { kind: "failed" }];
    expect(answers).toEqual(expected);
    expect(new MuxReader().take(bytes)).toEqual(expected);
  });

  test("something else is noticed, and never waited for", () => {
    expect(new MuxReader().take(Buffer.from("SSH-2.0-x\r\n"))).toBeUndefined();
    expect(new MuxReader().take(uint32(2))).toBeUndefined();
  });

  test("a control socket that is not there, or that something else has: nothing is handed over", async () => {
    const dir = await mkdtemp(path.join(os.tmpdir(), "pw-mux-"));
    const socketPath = path.join(dir, "m");
    expect(await MuxClient.greet(socketPath)).toBeUndefined();
    const server = net.createServer((socket) => socket.end("SSH-2.0-x\r\n")).listen(socketPath);
    await once(server, "listening");
    expect(await MuxClient.greet(socketPath)).toBeUndefined();
    server.close();
    await rm(dir, { recursive: true });
  });
});
