import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeSocketHint } from "#server/daemon/socket-hint.ts";
import { startDaemon } from "../support/daemon-in-process.ts";
import { LinesClient } from "../support/lines-client.ts";
import { Sandbox } from "../support/processes.ts";
import { placeOf, startShim, type ShimInProcess } from "../support/shim-in-process.ts";

const initialize = { method: "initialize", params: { protocolVersion: "2025-11-25", clientInfo: { name: "editor" } } };
type Daemon = Awaited<ReturnType<typeof startDaemon>>;

/** The shim's promises once more within this process, where they can be measured; `shim-daemon.test.ts` has the processes. */
describe("a shim in this process", () => {
  let sandbox: Sandbox;
  let daemon: Daemon | undefined;
  const shims: ShimInProcess[] = [];

  beforeEach(async () => {
    sandbox = new Sandbox();
    daemon = await startDaemon(sandbox);
  });
  afterEach(async () => {
    for (const shim of shims.splice(0)) await shim[Symbol.asyncDispose]();
    await daemon?.[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });
  const start = (options: Parameters<typeof startShim>[1] = {}): { shim: ShimInProcess; client: LinesClient } => {
    const shim = startShim(sandbox, options);
    shims.push(shim);
    return { shim, client: new LinesClient(shim.input, shim.output) };
  };
  const stopped = async (): Promise<void> => {
    daemon?.stop();
    await daemon?.exitCode;
  };

  test("says the client's name and folder in its hello, and relays both ways", async () => {
    const { client } = start({ config: "/some/portwright.yaml" });
    client.send({ id: "init", ...initialize });
    expect((await client.answer("init")).result).toMatchObject({ serverInfo: { name: "echo" } });
    client.send({ method: "notifications/initialized" });
    const said = (await client.call(1, "echo", { a: 1 })).result?.structuredContent;
    expect(said).toMatchObject({
      arguments: { a: 1 },
      pid: process.pid,
      hello: { cwd: sandbox.home, config: "/some/portwright.yaml", terminal: false },
      seen: ["initialize", "notifications/initialized", "tools/call"],
    });
    expect((await client.call(2, "no_such_tool")).error).toMatchObject({ code: -32602 });
    expect(client.received.map(({ id }) => id)).toEqual(["init", 1, 2]);
  });

  test("shakes hands again with the next daemon, and answers what the last one left open", async () => {
    const { client } = start();
    client.send({ id: "init", ...initialize });
    await client.answer("init");
    client.send({ method: "notifications/initialized" });
    client.send({ id: 1, method: "tools/call", params: { name: "hang" } });
    client.send({ id: 2, method: "ping" });
    await client.answer(2);
    await stopped();

    const lost = await client.answer(1);
    expect(lost.result).toMatchObject({
      isError: true,
      structuredContent: { error: { code: "daemon_unreachable", retryable: true }, user_steps: [{ do: "run" }] },
    });
    daemon = await startDaemon(sandbox);
    const next = await client.call(3, "echo");
    expect(next.result?.structuredContent).toMatchObject({
      seen: ["initialize", "notifications/initialized", "tools/call"],
      hello: { name: "editor" },
    });
    // One answer each; the replayed handshake stays between shim and daemon.
    expect(client.received.map(({ id }) => id)).toEqual(["init", 2, 1, 3]);
  });

  test("a lost call of a stateless client says that it is complete; another method gets an error", async () => {
    const { client } = start();
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "agent" },
    };
    client.send({ id: 1, method: "tools/call", params: { name: "hang", _meta } });
    expect((await client.call(2, "echo")).result?.structuredContent?.["hello"]).toBeDefined();
    await stopped();
    expect((await client.answer(1)).result).toMatchObject({ isError: true, resultType: "complete" });
  });

  test("withdraws the question of a daemon that ended, and drops a late answer to it", async () => {
    const { client } = start();
    client.send({ id: 1, method: "tools/call", params: { name: "ask" } });
    const question = await client.find(({ method }) => method === "elicitation/create");
    await stopped();
    const withdrawn = await client.find(({ method }) => method === "notifications/cancelled");
    expect(withdrawn.params).toMatchObject({ requestId: question.id });
    expect((await client.answer(1)).result?.isError).toBe(true);

    daemon = await startDaemon(sandbox);
    client.send({ id: question.id, result: { action: "accept" } });
    expect((await client.call(2, "echo")).result?.structuredContent?.["seen"]).toEqual(["tools/call"]);
    client.send({ id: 3, method: "tools/call", params: { name: "ask" } });
    const again = await client.find((line) => line.method === "elicitation/create" && line !== question);
    client.send({ id: again.id, result: { action: "decline" } });
    expect((await client.answer(3)).result?.structuredContent).toMatchObject({ said: { action: "decline" } });
  });

  test("a call that the client cancelled while no daemon was there is never made", async () => {
    await stopped();
    const { client } = start({ place: placeOf(sandbox, { PORTWRIGHT_TEST_BROKEN: "1" }), reachTimeoutMs: 5000 });
    client.send({ id: 1, method: "tools/call", params: { name: "echo" } });
    client.send({ method: "notifications/cancelled", params: { requestId: 1 } });
    client.send({ id: 2, method: "tools/list" });
    const refused = await client.answer(2);
    expect(refused.error?.message).toContain("The daemon cannot be started");
    expect(refused.error?.message).toContain("first line of the log");
    const call = await client.call(3, "echo");
    expect(call.result).toMatchObject({ isError: true, structuredContent: { untrusted: { source: "daemon log" } } });
    expect(client.received.some(({ id }) => id === 1)).toBe(false);
    // The next request finds the daemon that runs by now.
    daemon = await startDaemon(sandbox);
    expect((await client.call(4, "echo")).result?.structuredContent?.pid).toBe(process.pid);
  });

  test("what is no message is dropped with a word to the person; a batch goes on", async () => {
    const { shim, client } = start();
    shim.input.write("this is not JSON\n");
    shim.input.write("neither is this\n");
    shim.input.write('[{"jsonrpc":"2.0","method":"x"}]\r\n\n');
    shim.input.write(`${"x".repeat(11 * 1024 * 1024)}\n`);
    await client.call(1, "echo");
    expect(shim.notices).toEqual([
      "dropped a line from the client that is not JSON",
      "dropped a message over 10 MB from the client",
    ]);
  });

  test("more lines than it keeps wait with the client, and all are answered in their order", async () => {
    await stopped();
    const { client } = start();
    daemon = undefined;
    const ids = Array.from({ length: 600 }, (_, index) => index);
    for (const id of ids) client.send({ id, method: "tools/call", params: { name: "echo", arguments: { id } } });
    await client.answer(599);
    expect(client.received.map(({ id }) => id)).toEqual(ids);
  });

  test("a client that reads slowly gets everything", async () => {
    const warnings: string[] = [];
    const warned = ({ name }: Error): void => void warnings.push(name);
    process.on("warning", warned);
    const shim = startShim(sandbox);
    shims.push(shim);
    const text = "y".repeat(64 * 1024);
    for (let id = 0; id < 40; id++) {
      const message = { jsonrpc: "2.0", id, method: "tools/call", params: { name: "echo", arguments: { text } } };
      shim.input.write(`${JSON.stringify(message)}\n`);
    }
    // Nobody reads for a while: the shim must stop reading from the daemon.
    await new Promise((resolve) => void setTimeout(resolve, 200));
    expect(shim.output.readableLength).toBeGreaterThan(0);
    expect(shim.output.readableLength + shim.output.writableLength).toBeLessThan(1024 * 1024);
    const client = new LinesClient(shim.input, shim.output);
    await client.answer(39);
    expect(client.received.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, id) => id));
    // Node warns when one stream is waited for by too many.
    expect(warnings).toEqual([]);
    process.off("warning", warned);
  });

  test("answers that are on their way come before it ends with its input", async () => {
    const { shim, client } = start();
    await client.call(1, "echo");
    client.send({ id: 2, method: "tools/call", params: { name: "slow" } });
    shim.input.end();
    await shim.ended;
    expect((await client.answer(2)).result?.structuredContent).toMatchObject({ summary: "slow" });
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"]).toBe(0);
  });

  test("a call that never ends holds it for a second only; a broken output not at all", async () => {
    const { shim, client } = start();
    client.send({ id: 1, method: "tools/call", params: { name: "hang" } });
    await client.call(2, "echo");
    const startedMs = performance.now();
    shim.input.end();
    await shim.ended;
    expect(performance.now() - startedMs).toBeGreaterThan(900);

    const other = start();
    await other.client.call(1, "echo");
    // The client's readline passes the error on.
    other.client.expectBroken();
    other.shim.output.destroy(new Error("EPIPE"));
    await other.shim.ended;
  });

  test("an older daemon makes room, and the client's handshake is said to the newer one", async () => {
    await stopped();
    daemon = await startDaemon(sandbox, { version: "0.0.1" });
    const { client } = start({ version: "0.0.1" });
    client.send({ id: "init", ...initialize });
    await client.answer("init");
    client.send({ method: "notifications/initialized" });
    expect((await client.call(1, "echo")).result?.structuredContent?.pid).toBe(process.pid);

    const newer = start({ version: "0.1.0" });
    const pid = (await newer.client.call(1, "echo")).result?.structuredContent?.pid;
    expect(pid).not.toBe(process.pid);
    expect(await daemon.exitCode).toBe(0);
    const after = await client.call(2, "echo");
    expect(after.result?.structuredContent).toMatchObject({
      pid,
      seen: ["initialize", "notifications/initialized", "tools/call"],
    });
  });

  test("an older daemon with open connections stays, with one notice", async () => {
    await stopped();
    daemon = await startDaemon(sandbox, { version: "0.0.1", env: { PORTWRIGHT_TEST_CONNECTIONS: "2" } });
    const { shim, client } = start({ version: "0.1.0" });
    expect((await client.call(1, "echo")).result?.structuredContent?.pid).toBe(process.pid);
    expect(shim.notices).toEqual([expect.stringContaining("served by the running daemon 0.0.1")]);
    expect(await sandbox.control("status")).toMatchObject({ connections: 2 });
  });

  test("a daemon that does not accept it is named, with the way out", async () => {
    const { shim, client } = start({ cwd: "not absolute" });
    const refused = await client.call(1, "echo");
    expect(refused.result?.structuredContent?.["summary"]).toContain("does not accept this client");
    shim.input.end();
    await shim.ended;
  });

  test("a daemon that listens elsewhere is found by what it left in the state folder", async () => {
    await stopped();
    const elsewhere = join(sandbox.home, "state", "other.sock");
    daemon = undefined;
    const moved = startDaemon(sandbox, { paths: { ...sandbox.paths, socketFile: elsewhere } });
    const { client } = start({ place: { ...placeOf(sandbox), command: [process.execPath, "-e", "process.exit(75)"] } });
    expect((await client.call(1, "echo")).result?.structuredContent?.pid).toBe(process.pid);
    // It answers at its own place only, so it is ended by hand.
    void moved.then((running) => running.stop());
    shims.splice(0).forEach((shim) => shim.input.end());
    writeSocketHint(sandbox.paths.stateDir, "relative");
  });

  test("what listens there and is no daemon is not taken for one", async () => {
    await stopped();
    const stranger = createServer((socket) => socket.end("hello\n")).listen(sandbox.paths.socketFile);
    await once(stranger, "listening");
    chmodSync(sandbox.paths.socketFile, 0o600);
    writeFileSync(sandbox.paths.logFile, "");
    const command = [process.execPath, "-e", "process.exit(75)"] as const;
    const { client } = start({ place: { ...placeOf(sandbox), command: [...command] }, reachTimeoutMs: 700 });
    const refused = await client.call(1, "echo");
    expect(refused.result?.structuredContent?.["summary"]).toContain("holds the daemon's lock");
    shims.splice(0).forEach((shim) => shim.input.end());
    stranger.close();
  });
});
