import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, pathTo, serve } from "../support/probe-path.ts";

const { TESTBED_DIR: testbed, TB_UP1_PORT, TB_REDIS_PORT, TB_PG_PORT } = process.env;

const answers = (handle: (request: IncomingMessage, response: ServerResponse) => void) =>
  serve(() => undefined, createHttpServer(handle));

describe.each([false, true])("an http check (through a tunnel: %s)", (tunnel) => {
  test("[check-http] of a healthy target says what it saw", async () => {
    let seen: IncomingMessage | undefined;
    await using server = await answers((request, response) => {
      seen = request;
      response.end("all is well");
    });
    const path = pathTo(server.port, { tunnel });
    const config = { path: "/a b?x=é", headers: { Authorization: "Bearer ${env:TOKEN}" }, expected_content: "is well" };
    const result = await check({ type: "http", config }, path, { env: { TOKEN: "t0ken" } });
    expect(result).toMatchObject({ ok: true, by: "http 200 GET /a b?x=é", facts: { status: 200 } });
    expect(Object.keys(result.phasesMs)).toEqual(["dial", "first_byte"]);
    expect(seen?.headers).toMatchObject({ host: `localhost:${server.port}`, authorization: "Bearer t0ken" });
    expect(seen?.url).toBe("/a%20b?x=%C3%A9");
    await expect.poll(() => path.open.size).toBe(0);
  });

  test("follows redirects within the target, and judges where they end", async () => {
    await using server = await answers((request, response) => {
      if (request.url === "/ok") return void response.end("ok");
      const location = request.url === "/health" ? "/next?a=1" : `http://localhost:${server.port}/ok`;
      response.writeHead(302, { location }).end();
    });
    expect(await check({ type: "http" }, pathTo(server.port, { tunnel }))).toMatchObject({
      ok: true,
      by: "http 200 GET /health",
      facts: { redirects: 2 },
    });
  });

  test("finds a loop, and an endless way", async () => {
    let count = 0;
    await using loop = await answers(
      (_request, response) => void response.writeHead(301, { location: "/health" }).end(),
    );
    await using endless = await answers(
      (_request, response) => void response.writeHead(307, { location: `/${count++}` }).end(),
    );
    for (const { port } of [loop, endless]) {
      expect(await check({ type: "http" }, pathTo(port, { tunnel }))).toMatchObject({ code: "redirect_loop" });
    }
  });

  test("does not follow a redirect that leads elsewhere: the target answers", async () => {
    await using server = await answers(
      (_request, response) => void response.writeHead(302, { location: "https://login.example.com/" }).end("go there"),
    );
    expect(await check({ type: "http" }, pathTo(server.port, { tunnel }))).toMatchObject({
      ok: true,
      facts: { status: 302 },
    });
    const config = { expected_content: "welcome" };
    expect(await check({ type: "http", config }, pathTo(server.port, { tunnel }))).toMatchObject({
      code: "application_unhealthy",
    });
  });

  test.each([
    [404, "check_path_missing"],
    [401, "application_auth_failed"],
    [403, "application_auth_failed"],
    [503, "application_unhealthy"],
    [500, "application_unhealthy"],
  ])("status %i is %s, with the clipped body as evidence", async (status, code) => {
    await using server = await answers((_request, response) => void response.writeHead(status).end("x".repeat(50_000)));
    const result = await check({ type: "http" }, pathTo(server.port, { tunnel }));
    expect(result).toMatchObject({ ok: false, code, facts: { status }, untrusted: "x".repeat(2048) });
  });

  test("a missing text, and one at the border of two chunks", async () => {
    await using server = await answers((_request, response) => {
      response.write("a".repeat(70_000) + "nee");
      setTimeout(() => response.end("dle"), 30);
    });
    const find = (expected_content: string) =>
      check({ type: "http", config: { expected_content } }, pathTo(server.port, { tunnel }));
    expect(await find("needle")).toMatchObject({ ok: true });
    expect(await find("haystack")).toMatchObject({ code: "application_unhealthy" });
  });

  test("an answer that never ends is not waited for, one that stops is slow, one that is cut is ill", async () => {
    await using endless = await answers((_request, response) => {
      const timer = setInterval(() => response.write("x".repeat(10_000)), 5);
      response.once("close", () => clearInterval(timer));
    });
    expect(await check({ type: "http" }, pathTo(endless.port, { tunnel }))).toMatchObject({ ok: true });
    await using stops = await answers((_request, response) => void response.write("begin"));
    expect(await check({ type: "http" }, pathTo(stops.port, { tunnel }), { timeoutMs: 300 })).toMatchObject({
      code: "application_slow",
    });
    await using cuts = await answers((_request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("begin");
      setTimeout(() => response.destroy(), 30);
    });
    expect(await check({ type: "http" }, pathTo(cuts.port, { tunnel }))).toMatchObject({
      code: expect.stringMatching(/application_unhealthy|connection_lost/),
    });
  });
});

test("HEAD has no body to look into, and a header that HTTP cannot carry is the configuration's fault", async () => {
  await using server = await answers((_request, response) => void response.end("body"));
  expect(await check({ type: "http", config: { method: "HEAD" } }, pathTo(server.port))).toMatchObject({ ok: true });
  const config = { headers: { "X-Bad": "a\nb" } };
  expect(await check({ type: "http", config }, pathTo(server.port))).toMatchObject({ code: "config_invalid" });
});

describe.skipIf(testbed === undefined)("with the testbed's certificates (needs TESTBED_DIR)", () => {
  const certificate = (name: string) => ({
    key: readFileSync(join(testbed ?? "", "certs", `${name}.key`)),
    cert: readFileSync(join(testbed ?? "", "certs", `${name}.pem`)),
  });
  const secureServer = (name: string) =>
    serve(
      () => undefined,
      createHttpsServer(certificate(name), (_request, response) => void response.end("ok")),
    );
  const env = { SSL_CERT_FILE: join(testbed ?? "", "certs", "ca.pem") };

  test.each([false, true])("a good one passes (through a tunnel: %s)", async (tunnel) => {
    await using server = await secureServer("server");
    const path = pathTo(server.port, { tunnel });
    const result = await check({ type: "https" }, path, { env });
    expect(result).toMatchObject({ ok: true, by: "https 200 GET /health" });
    expect(Object.keys(result.phasesMs)).toEqual(["dial", "tls", "first_byte"]);
    expect(result.ok && result.facts?.certificate_days_left).toBeGreaterThan(100);
    await expect.poll(() => path.open.size).toBe(0);
  });

  test("an authority that nobody trusts, an expired one, one for another name", async () => {
    await using server = await secureServer("server");
    expect(await check({ type: "https" }, pathTo(server.port))).toMatchObject({ code: "certificate_untrusted" });
    await using expired = await secureServer("expired");
    expect(await check({ type: "https" }, pathTo(expired.port, { tunnel: true }), { env })).toMatchObject({
      code: "certificate_expired",
      facts: { valid_to: expect.stringMatching(/^20\d\d-/) },
    });
    await using wrong = await secureServer("wrongname");
    expect(await check({ type: "https" }, pathTo(wrong.port), { env })).toMatchObject({
      code: "certificate_name_mismatch",
      facts: { name: "localhost" },
      untrusted: expect.stringContaining("other.invalid"),
    });
    const unverified = { type: "https", config: { verify_ssl: false } };
    expect(await check(unverified, pathTo(wrong.port))).toMatchObject({ ok: true });
    const named = { type: "https", config: { host: "other.invalid" } };
    expect(await check(named, pathTo(wrong.port), { env })).toMatchObject({ ok: true });
  });

  test("http to a TLS port, and https to a plain one: protocol_mismatch", async () => {
    await using server = await secureServer("server");
    expect(await check({ type: "http" }, pathTo(server.port))).toMatchObject({ code: "protocol_mismatch" });
    await using plain = await answers((_request, response) => void response.end("ok"));
    expect(await check({ type: "https" }, pathTo(plain.port))).toMatchObject({ code: "protocol_mismatch" });
    await using nginx = await answers(
      (_request, response) =>
        void response.writeHead(400).end("<h1>The plain HTTP request was sent to HTTPS port</h1>"),
    );
    expect(await check({ type: "http" }, pathTo(nginx.port))).toMatchObject({ code: "protocol_mismatch" });
  });
});

describe.skipIf(TB_UP1_PORT === undefined)("the testbed's servers (need TB_UP1_PORT)", () => {
  const up = Number(TB_UP1_PORT);
  test("healthy, missing, ill, slow, resetting", async () => {
    const at = (path: string, timeoutMs?: number) =>
      check({ type: "http", config: { path } }, pathTo(up), { ...(timeoutMs && { timeoutMs }) });
    expect(await at("/health")).toMatchObject({ ok: true });
    expect(await at("/status/404")).toMatchObject({ code: "check_path_missing" });
    expect(await at("/status/503")).toMatchObject({ code: "application_unhealthy", facts: { status: 503 } });
    expect(await at("/slow?ms=2000", 300)).toMatchObject({ code: "application_unhealthy", facts: { silent: true } });
    expect(await at("/reset")).toMatchObject({ code: "application_unhealthy", facts: { closed: true } });
    expect(await check({ type: "https", config: { verify_ssl: false } }, pathTo(up + 1000))).toMatchObject({
      ok: true,
    });
  });

  test("other protocols are not mistaken for HTTP", async () => {
    expect(await check({ type: "http" }, pathTo(Number(TB_REDIS_PORT)))).toMatchObject({ ok: false });
    expect(await check({ type: "http" }, pathTo(Number(TB_PG_PORT)))).toMatchObject({ ok: false });
    expect(await check({ type: "https" }, pathTo(Number(TB_PG_PORT)))).toMatchObject({ code: "protocol_mismatch" });
  });
});
