import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ServerChannel } from "ssh2";
import { createSshDriver } from "#adapters/ssh/index.ts";
import type { ForwardDriver, TunnelStream } from "#application/ports/forward-driver.ts";
import {
  closing,
  payload,
  readAll,
  sha256,
  startTarget,
  writeUntilStalled,
} from "../contract/forward-driver-targets.ts";
import { sshHome, sshService, type SshHome } from "../support/ssh-client.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

/** What servers other than OpenSSH do with a channel (Go's close it without EOF), and what ssh2 makes of it. */
describe("a channel that the server closes", () => {
  let home: SshHome;
  let driver: ForwardDriver;
  let server: SshServer;
  const scope: AsyncDisposable[] = [];

  beforeEach(async () => {
    home = await sshHome();
    driver = createSshDriver();
    server = await startSshServer();
    await home.write("known_hosts", server.knownHosts.join("\n"));
  });
  afterEach(async () => {
    await driver.close();
    for (const resource of scope.splice(0)) await resource[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  /** A stream to a target that does nothing, and the server's end of its channel. */
  async function pair(): Promise<{ stream: TunnelStream; channel: ServerChannel }> {
    const target = await startTarget();
    scope.push(target);
    const keys = { host: "127.0.0.1", port: server.port, password: "x", remote_host: "127.0.0.1" };
    const signal = new AbortController().signal;
    const transport = await driver.open(sshService(keys, target.port), { signal, access: home.access });
    const stream = await transport.connect({ signal });
    const [channel] = server.channels;
    if (!channel) throw new Error("no channel at the server");
    return { stream, channel };
  }

  test("without EOF: all that came before is delivered, then it is a reset", async () => {
    const { stream, channel } = await pair();
    const sent = payload(300 * 1024);
    channel.write(sent, () => channel.close());
    // Late, so that everything waits in buffers when the close arrives.
    await vi.waitFor(() => expect(server.channels.size).toBe(0), { timeout: 5000 });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    expect(await closing(stream)).toMatchObject({ code: "connection_lost", facts: { reset_by: "target" } });
    expect(sha256(Buffer.concat(chunks))).toBe(sha256(sent));
  });

  test("without EOF, and a reader that asks for a byte at a time", async () => {
    const { stream, channel } = await pair();
    const closed = closing(stream);
    channel.write("abc", () => channel.close());
    let text = "";
    stream.on("readable", () => {
      for (let byte = stream.read(1) as Buffer | null; byte !== null; byte = stream.read(1) as Buffer | null)
        text += byte.toString();
    });
    expect(await closed).toMatchObject({ code: "connection_lost" });
    expect(text).toBe("abc");
  });

  test("with EOF: a clean end, and a clean close when nothing was being written", async () => {
    const { stream, channel } = await pair();
    const closed = closing(stream);
    const all = readAll(stream);
    channel.end("bye");
    expect(String(await all)).toBe("bye");
    expect(await closed).toBeUndefined();
  });

  test("while a write is held back: the write does not hang, the answer arrives, then it is a reset", async () => {
    const { stream, channel } = await pair();
    const closed = closing(stream);
    await writeUntilStalled(stream, 64 * 1024 * 1024, 300);
    expect(stream.writableNeedDrain).toBe(true);
    channel.end("413 too much");
    const [answer] = (await once(stream, "data")) as [Buffer];
    expect(String(answer)).toBe("413 too much");
    expect(await closed).toMatchObject({ code: "connection_lost", facts: { reset_by: "target" } });
  });

  test("a stream that nobody listens to takes nothing down when the connection is cut", async () => {
    const { stream } = await pair();
    server.cut();
    await new Promise((resolve) => {
      stream.once("close", resolve);
    });
    expect(stream.errored).toMatchObject({ code: "connection_lost" });
  });
});
