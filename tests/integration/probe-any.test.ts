import { once } from "node:events";
import { createServer } from "node:net";
import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { check, pathTo, serve } from "../support/probe-path.ts";

const protocols: { type: string; config?: Record<string, unknown> }[] = [
  { type: "redis" },
  { type: "redis", config: { tls: true } },
  { type: "http" },
  { type: "https" },
  { type: "postgres" },
  { type: "postgres", config: { sslmode: "disable" } },
  { type: "kafka" },
  { type: "kafka", config: { topic: "orders", user: "u", password: "p" } },
  { type: "tls" },
  { type: "http", config: { http2: true } },
  { type: "https", config: { http2: true } },
  { type: "grpc" },
  { type: "grpc", config: { tls: true } },
  { type: "mysql", config: { user: "u", password: "p" } },
  { type: "mysql", config: { sslmode: "require" } },
  { type: "mongodb" },
  { type: "mongodb", config: { tls: true } },
  { type: "amqp" },
  { type: "amqp", config: { tls: true } },
  { type: "dns" },
  { type: "ssh" },
];
/** Their servers speak first. */
const greeted = ["mysql", "ssh"];
const name = ({ type, config }: { type: string; config?: object }): string => `${type} ${JSON.stringify(config ?? {})}`;

describe.each(protocols.map((declared) => [name(declared), declared] as const))("a %s check", (_name, declared) => {
  test("of a silent target: application_unhealthy, silent", async () => {
    await using server = await serve(() => undefined);
    const path = pathTo(server.port);
    const result = await check(declared, path, { timeoutMs: 300 });
    expect(result).toMatchObject({ ok: false, code: "application_unhealthy", facts: { silent: true } });
    await expect.poll(() => path.open.size).toBe(0);
  });

  test("of a target that answers garbage: protocol_mismatch", async () => {
    const garbage = "\u0000\u0001garbage garbage garbage\r\n";
    await using server = await serve((socket) => {
      if (greeted.includes(declared.type)) socket.write(garbage);
      socket.on("data", () => socket.write(garbage));
    });
    const path = pathTo(server.port, { tunnel: true });
    const result = await check(declared, path, { timeoutMs: 3000 });
    expect(result).toMatchObject({ ok: false, code: "protocol_mismatch" });
    await expect.poll(() => path.open.size).toBe(0);
  });

  test.skipIf(declared.type === "ssh")("of SSH, which speaks first: protocol_mismatch", async () => {
    await using server = await serve((socket) => void socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await check(declared, pathTo(server.port))).toMatchObject({ ok: false, code: "protocol_mismatch" });
  });

  test("of something that accepts and closes at once: target_port_closed", async () => {
    await using server = await serve((socket) => void socket.destroy());
    expect(await check(declared, pathTo(server.port))).toMatchObject({ ok: false, code: "target_port_closed" });
    await using resetting = await serve((socket) => void setTimeout(() => socket.resetAndDestroy(), 20));
    expect(await check(declared, pathTo(resetting.port))).toMatchObject({ ok: false, code: "target_port_closed" });
  });

  test("of HTTP: protocol_mismatch, with what it looks like", async () => {
    const answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    await using server = await serve((socket) => {
      if (greeted.includes(declared.type)) socket.write(answer);
      socket.on("data", () => socket.write(answer));
    });
    const result = await check(declared, pathTo(server.port, { tunnel: true }), { timeoutMs: 3000 });
    const isHttp = declared.type === "http" && declared.config?.["http2"] !== true;
    expect(result).toMatchObject({ ok: false, code: isHttp ? "application_unhealthy" : "protocol_mismatch" });
  });

  test("of an endless answer: not read to its end", async () => {
    await using server = await serve((socket) => {
      const pour = (): void => {
        while (socket.writable && socket.write(Buffer.alloc(65_536, 0x41)));
        socket.once("drain", pour);
      };
      if (greeted.includes(declared.type)) pour();
      else socket.once("data", pour);
      socket.resume();
    });
    const path = pathTo(server.port, { tunnel: true });
    expect(await check(declared, path, { timeoutMs: 2000 })).toMatchObject({ ok: false, code: "protocol_mismatch" });
    await expect.poll(() => path.open.size).toBe(0);
  });

  test.skipIf(greeted.includes(declared.type))(
    "of a target that closes when it is asked: another protocol, or ill",
    async () => {
      await using server = await serve((socket) => void socket.once("data", () => socket.destroy()));
      expect(await check(declared, pathTo(server.port))).toMatchObject({
        ok: false,
        code: declared.type === "http" && !declared.config?.["http2"] ? "application_unhealthy" : "protocol_mismatch",
        facts: { closed: true },
      });
    },
  );

  test("of a path that cannot be opened: the path's own code", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const path = {
      host: "localhost",
      port: 1,
      connect: () => Promise.reject(new ConnectivityError("ssh_forwarding_prohibited", "no")),
    };
    expect(await check(declared, path)).toMatchObject({ ok: false, code: "ssh_forwarding_prohibited", message: "no" });
    server.close();
  });

  test("of a stream that a transport cuts: its cause", async () => {
    const path = {
      host: "localhost",
      port: 1,
      connect: async () => {
        const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, callback) => callback() });
        setTimeout(() => stream.destroy(new ConnectivityError("pod_gone", "the pod is gone")), 20);
        return stream;
      },
    };
    expect(await check(declared, path)).toMatchObject({ ok: false, code: "pod_gone" });
  });

  test("of a path that never opens: operation_timed_out, and a late stream is destroyed", async () => {
    const late = Promise.withResolvers<Duplex>();
    const path = { host: "localhost", port: 1, connect: () => late.promise };
    const result = await check(declared, path, { timeoutMs: 100 });
    expect(result).toMatchObject({ ok: false, code: "operation_timed_out" });
    const stream = new Duplex({ read: () => undefined });
    late.resolve(stream);
    await once(stream, "close");
  });
});

describe("a tcp check", () => {
  test("[check-tcp] passes when nothing refuses for 250 ms, and at once with a banner", async () => {
    await using silent = await serve(() => undefined);
    expect(await check({ type: "tcp" }, pathTo(silent.port))).toMatchObject({ ok: true, by: "tcp" });
    await using banner = await serve((socket) => void socket.write("220 ready\r\n"));
    const result = await check({ type: "tcp" }, pathTo(banner.port));
    expect(result).toMatchObject({ ok: true, by: "tcp" });
    expect(result.phasesMs).toHaveProperty("first_byte");
  });

  test("fails when the target closes at once, or the tunnel brings a refusal", async () => {
    await using closing = await serve((socket) => void socket.end());
    expect(await check({ type: "tcp" }, pathTo(closing.port))).toMatchObject({ code: "target_port_closed" });
    const path = {
      host: "localhost",
      port: 1,
      connect: async () => {
        const stream = new Duplex({ read: () => undefined });
        setTimeout(() => stream.destroy(new ConnectivityError("target_port_closed", "connection refused")), 50);
        return stream;
      },
    };
    expect(await check({ type: "tcp" }, path)).toMatchObject({ ok: false, message: "connection refused" });
  });

  test("says so when its time is too short to tell", async () => {
    await using silent = await serve(() => undefined);
    expect(await check({ type: "tcp" }, pathTo(silent.port), { timeoutMs: 100 })).toMatchObject({
      code: "operation_timed_out",
    });
  });
});

test("a missing variable is found before anything is dialled", async () => {
  const path = { host: "localhost", port: 1, connect: () => expect.unreachable() as Promise<Duplex> };
  const checks = [
    { type: "redis", config: { password: "${env:NOT_SET}" } },
    { type: "postgres", config: { password: "${env:NOT_SET}" } },
    { type: "http", config: { headers: { Authorization: "Bearer ${env:NOT_SET}" } } },
    { type: "grpc", config: { headers: { authorization: "Bearer ${env:NOT_SET}" } } },
    { type: "mysql", config: { password: "${env:NOT_SET}" } },
    { type: "mongodb", config: { password: "${env:NOT_SET}" } },
    { type: "kafka", config: { password: "${env:NOT_SET}" } },
    { type: "amqp", config: { password: "${env:NOT_SET}" } },
  ];
  for (const declared of checks) {
    expect(await check(declared, path)).toMatchObject({
      ok: false,
      code: "variable_missing",
      facts: { variable: "NOT_SET" },
    });
  }
});
