import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer, createServer as createHttp2Server, type Http2Server } from "node:http2";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commandProbe } from "#adapters/probes/command.ts";
import type { ProbeResult } from "#application/ports/probe.ts";
import { healthCheckSchema, type HealthCheckOf } from "#domain/spec/health-check.ts";
import { emptyAccess } from "../support/direct-driver.ts";
import { check, pathTo, serve } from "../support/probe-path.ts";
import { serverCertificate } from "../support/test-certificates.ts";

describe("an http check over HTTP/2", () => {
  const answer = (server: Http2Server): Server => {
    server.on("stream", (stream, headers) => {
      stream.on("error", () => undefined);
      if (headers[":path"] === "/old") stream.respond({ ":status": 302, location: "/health" });
      else stream.respond({ ":status": headers[":path"] === "/health" ? 200 : 404, "x-build": "v7 blue" });
      stream.end("all is well");
    });
    server.on("sessionError", () => undefined);
    return server;
  };

  test.each([
    ["http", () => answer(createHttp2Server())],
    ["https", () => answer(createSecureServer({ ...serverCertificate }) as unknown as Http2Server)],
  ])("%s", async (type, make) => {
    await using server = await serve(() => undefined, make());
    const at = (config: object) =>
      check({ type, config: { http2: true, verify_ssl: false, ...config } }, pathTo(server.port, { tunnel: true }));
    expect(await at({ expected_content: "is well" })).toMatchObject({ ok: true, by: `${type} 200 GET /health` });
    expect(await at({ path: "/old" })).toMatchObject({ ok: true, facts: { redirects: 1 } });
    expect(await at({ path: "/nowhere" })).toMatchObject({ code: "check_path_missing" });
    expect(await at({ expected_content: "is ill" })).toMatchObject({ code: "application_unhealthy" });
    expect(await at({ expected_headers: { "X-Build": "BLUE" } })).toMatchObject({ ok: true });
    expect(await at({ expected_headers: { "x-build": "green" } })).toMatchObject({
      code: "application_unhealthy",
      facts: { header: "x-build" },
    });
    expect(await at({ expected_headers: { "x-none": "" } })).toMatchObject({ code: "application_unhealthy" });
  });

  test("a redirect is the answer where it is not to be followed", async () => {
    await using server = await serve(() => undefined, answer(createHttp2Server()));
    const config = { http2: true, path: "/old", follow_redirects: false };
    expect(await check({ type: "http", config }, pathTo(server.port))).toMatchObject({
      code: "application_unhealthy",
      facts: { status: 302 },
    });
    const expected = { ...config, expected_status: "300-399" };
    expect(await check({ type: "http", config: expected }, pathTo(server.port))).toMatchObject({ ok: true });
  });

  test.each(["2xx", "204", "99", "200-", "6xx"])("the expected status %s is refused or taken", (status) => {
    const declared = { type: "http", config: { expected_status: /^\d+$/.test(status) ? Number(status) : status } };
    expect(healthCheckSchema.safeParse(declared).success).toBe(["2xx", "204"].includes(status));
  });
});

describe("a grpc check", () => {
  const server = (status: number, trailers: Record<string, string> = { "grpc-status": "0" }) => {
    const http2 = createHttp2Server();
    http2.on("stream", (stream) => {
      stream.on("error", () => undefined);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
    return serve(() => undefined, http2);
  };

  test.each([
    [1, undefined, "grpc health SERVING"],
    [2, undefined, "application_unhealthy"],
    [3, undefined, "application_unhealthy"],
    [1, "12", "check_path_missing"],
    [1, "5", "check_path_missing"],
    [1, "16", "application_auth_failed"],
    [1, "4", "application_slow"],
    [1, "14", "application_unhealthy"],
  ])("serving status %i, grpc-status %s: %s", async (status, grpcStatus, expected) => {
    await using grpc = await server(status, grpcStatus === undefined ? {} : { "grpc-status": grpcStatus });
    const result = await check({ type: "grpc" }, pathTo(grpc.port));
    expect(result.ok ? result.by : result.code).toBe(expected);
  });
});

describe("a dns check", () => {
  const server = (flags: number, answers: number) =>
    serve((socket) => {
      socket.on("data", (query: Buffer) => {
        const head = Buffer.from([
          query[2] ?? 0,
          query[3] ?? 0,
          0x80 | (flags >> 8),
          flags & 0xff,
          0,
          1,
          0,
          answers,
          0,
          0,
          0,
          0,
        ]);
        const body = Buffer.concat([head, query.subarray(14)]);
        socket.write(Buffer.concat([Buffer.from([0, body.length]), body]));
      });
    });

  test.each([
    [0, 1, { name: "db.shop.svc.cluster.local" }, "dns A"],
    [0, 0, { name: "db.shop", record: "SRV" }, "check_path_missing"],
    [3, 0, { name: "nowhere" }, "check_path_missing"],
    [2, 0, { name: "db" }, "application_unhealthy"],
    [5, 0, {}, "dns answer"],
  ])("response %i with %i answers to %o: %s", async (flags, answers, config, expected) => {
    await using dns = await server(flags, answers);
    const result = await check({ type: "dns", config }, pathTo(dns.port));
    expect(result.ok ? result.by : result.code).toBe(expected);
  });
});

test("a udp check says at once that no path carries it, and dials nothing", async () => {
  const path = { host: "localhost", port: 1, connect: () => expect.unreachable() as Promise<never> };
  expect(await check({ type: "udp" }, path)).toMatchObject({ ok: false, code: "not_supported", phasesMs: {} });
});

describe("[check-command] a command check", () => {
  const node = process.execPath;
  const run = async (command: string[], port: number, timeoutMs = 5000, trusted = true): Promise<ProbeResult> => {
    const parsed = healthCheckSchema.parse({ type: "command", config: { command } }) as HealthCheckOf<"command">;
    const access = {
      ...emptyAccess,
      trusted,
      workspaceDir: tmpdir(),
      environment: () => ({ PATH: process.env["PATH"] ?? "" }),
    };
    return commandProbe.run(parsed, pathTo(port, { tunnel: true }), { signal: AbortSignal.timeout(timeoutMs), access });
  };
  const asks = `require("net").connect(process.env.PORT, process.env.HOST, function () { this.write("PING") })
    .on("data", (said) => { process.stdout.write(said); process.exit(said.includes("PONG") ? 0 : 3) })
    .on("error", () => process.exit(4)).on("end", () => process.exit(5))`;

  test("reaches the service through the path, and its exit code is the answer", async () => {
    await using server = await serve((socket) => void socket.on("data", () => socket.write("PONG")));
    expect(await run([node, "-e", asks], server.port)).toMatchObject({ ok: true, by: "command exit 0" });
    await using ill = await serve((socket) => void socket.on("data", () => socket.write("-ERR ill")));
    expect(await run([node, "-e", asks], ill.port)).toMatchObject({
      code: "application_unhealthy",
      facts: { exit: 3 },
      untrusted: "-ERR ill",
    });
  });

  test("no shell, no trust, no program, no end, no memory for what it prints", async () => {
    await using server = await serve(() => undefined);
    const words = ["-e", "process.exit(process.argv[1] === '$(id); `id` && *' ? 0 : 1)", "$(id); `id` && *"];
    expect(await run([node, ...words], server.port)).toMatchObject({ ok: true });
    expect(await run([node, "-e", ""], server.port, 5000, false)).toMatchObject({ code: "workspace_untrusted" });
    expect(await run(["no-such-program-here"], server.port)).toMatchObject({ code: "config_invalid" });
    const startedMs = performance.now();
    const stubborn = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    expect(await run([node, "-e", stubborn], server.port, 700)).toMatchObject({ code: "application_slow" });
    expect(performance.now() - startedMs).toBeLessThan(4000);
    const loud = "for (let i = 0; i < 300; i++) process.stdout.write('x'.repeat(65536)); process.exitCode = 1";
    const result = await run([node, "-e", loud], server.port, 20_000);
    expect(result).toMatchObject({ code: "application_unhealthy", untrusted: "x".repeat(2048) });
  });

  test("a path that is closed is a refused connection to the program", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    closed.close();
    expect(await run([node, "-e", asks], port)).toMatchObject({ code: "application_unhealthy", facts: { exit: 4 } });
  });
});

const redisProgram = spawnSync("redis-server", ["--version"]).status === 0;
const needs = redisProgram ? "" : " (needs redis-server)";

describe(`a redis check of a server with accounts, TLS and a cluster${needs}`, () => {
  /** A Redis of our own, in a folder of its own; ends with the test. */
  async function redis(lines: string[]): Promise<{ port: number } & AsyncDisposable> {
    const folder = mkdtempSync(join(tmpdir(), "portwright-redis-"));
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    writeFileSync(join(folder, "key.pem"), serverCertificate.key);
    writeFileSync(join(folder, "cert.pem"), serverCertificate.cert);
    const text = lines.map((line) => line.replaceAll("PORT", String(port)).replaceAll("FOLDER", folder));
    writeFileSync(join(folder, "redis.conf"), [`dir ${folder}`, "bind 127.0.0.1", 'save ""', ...text].join("\n"));
    const child = spawn("redis-server", [join(folder, "redis.conf")], { stdio: "ignore" });
    const listens = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      });
    await expect.poll(listens, { timeout: 10_000 }).toBe(true);
    return {
      port,
      async [Symbol.asyncDispose]() {
        child.kill("SIGKILL");
        await once(child, "exit");
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
  const at = (port: number, config: object) =>
    check({ type: "redis", config }, pathTo(port, { tunnel: true }), { env: { P: "pencil", W: "wrong" } });

  test.skipIf(!redisProgram)("accounts", async () => {
    await using server = await redis([
      "port PORT",
      "user default off",
      "user app on >pencil +@all",
      "user blind on >pencil -@all +auth",
    ]);
    expect(await at(server.port, { username: "app", password: "${env:P}" })).toMatchObject({ ok: true });
    for (const config of [{}, { username: "app", password: "${env:W}" }, { username: "blind", password: "${env:P}" }])
      expect(await at(server.port, config)).toMatchObject({ ok: false, code: "application_auth_failed" });
  });

  test.skipIf(!redisProgram)("TLS and a cluster", async () => {
    await using server = await redis([
      "port 0",
      "tls-port PORT",
      "tls-cert-file FOLDER/cert.pem",
      "tls-key-file FOLDER/key.pem",
      "tls-ca-cert-file FOLDER/cert.pem",
      "tls-auth-clients no",
      "cluster-enabled yes",
    ]);
    const tls = { tls: true, verify_ssl: false };
    expect(await at(server.port, tls)).toMatchObject({ ok: true, by: "redis PING" });
    expect(await at(server.port, { tls: true })).toMatchObject({ code: "certificate_untrusted" });
    expect(await check({ type: "redis" }, pathTo(server.port))).toMatchObject({ ok: false, code: "protocol_mismatch" });
    // Nobody serves its slots.
    expect(await at(server.port, { ...tls, cluster: true })).toMatchObject({
      code: "application_unhealthy",
      facts: { cluster: "fail" },
    });
  });
});
