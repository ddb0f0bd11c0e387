import { once } from "node:events";
import { readFile } from "node:fs/promises";
import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { Channel } from "#adapters/ssh/channel.ts";
import { ChannelStream } from "#adapters/ssh/channel-stream.ts";
import { exchangesKeys } from "#adapters/ssh/key-exchange.ts";
import { eventually } from "../support/eventually.ts";
import { hasSshd, startSshd } from "../support/sshd.ts";

test.skipIf(!hasSshd)(
  "[ssh-reused-reads] memory is used again after the first key exchange, and not amid a later one",
  async () => {
    await using server = await startSshd(["RekeyLimit default 1"]);
    const client = new ssh2.Client();
    expect(exchangesKeys(client)).toBe(true);
    client.connect({
      host: "127.0.0.1",
      port: server.port,
      username: server.user,
      privateKey: await readFile(server.keyFile),
      // Called within the exchange.
      hostVerifier: () => {
        seen.push(exchangesKeys(client));
        return true;
      },
    });
    const seen: boolean[] = [];
    await once(client, "ready");
    expect(exchangesKeys(client)).toBe(false);
    // The server changes keys when a second is over and there is something to answer.
    const asking = setInterval(() => client.unforwardIn("portwright.invalid", 1, () => {}), 200);
    await once(client, "handshake");
    clearInterval(asking);
    await eventually(async () => !exchangesKeys(client), 5000);
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen).not.toContain(false);
    const closed = once(client, "close");
    client.end();
    await closed;
  },
);

test("[ssh-reused-reads] what was lent is never given back by a stream that is destroyed, and its end waits for it", async () => {
  let givenBack = 0;
  const make = () => {
    const channel = new Channel(
      { channelData() {}, channelEOF() {}, channelClose() {}, channelWindowAdjust() {} },
      { id: 0, window: 1000, packetSize: 1000 },
    );
    const stream = new ChannelStream(channel, {
      full: false,
      whenWritable: (callback) => callback(),
      reads: { retain: () => () => void givenBack++, release: () => undefined },
    });
    const source = stream.source();
    source.receive(() => false, true);
    source.resume();
    channel.takeData(Buffer.from("lent"));
    return { channel, stream, source };
  };
  const { stream } = make();
  stream.destroy();
  await once(stream, "close");
  expect(givenBack).toBe(0);

  const whole = make();
  let ended = false;
  whole.stream.on("end", () => {
    ended = true;
  });
  whole.channel.takeEnd();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(ended).toBe(false);
  whole.source.resume();
  await eventually(async () => ended, 5000);
  expect(givenBack).toBe(1);
});
