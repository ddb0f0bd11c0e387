import { createServer as createHttpsServer } from "node:https";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { check, pathTo, serve } from "../support/probe-path.ts";
import { serverCertificate } from "../support/test-certificates.ts";

const https = { type: "https", config: { path: "/", verify_ssl: false } };
/** An alert record of TLS 1.2 (RFC 5246, 7.2): fatal, with its number. */
const alert = (number: number): Buffer => Buffer.from([21, 3, 3, 0, 2, 2, number]);

describe("what a TLS alert of the target means", () => {
  test.each([
    [116, "application_auth_failed", "certificate_required"],
    [42, "application_auth_failed", "bad_certificate"],
    [48, "application_auth_failed", "unknown_ca"],
    [112, "certificate_name_mismatch", "unrecognized_name"],
    [70, "protocol_mismatch", "protocol_version"],
    [40, "protocol_mismatch", "handshake_failure"],
    [80, "protocol_mismatch", "internal_error"],
  ])("%i is %s", async (number, code, name) => {
    await using server = await serve((socket) => void socket.once("data", () => socket.end(alert(number))));
    expect(await check(https, pathTo(server.port))).toMatchObject({ ok: false, code, facts: { alert: name } });
  });

  const wanting = { ...serverCertificate, ca: serverCertificate.cert, requestCert: true, rejectUnauthorized: true };
  const wanted = { code: "application_auth_failed", facts: { wants: "client certificate" } };

  test.each(["TLSv1.2", "TLSv1.3"] as const)("a client certificate that is wanted with %s", async (maxVersion) => {
    const answer = createHttpsServer({ ...wanting, maxVersion }, (_request, response) => response.end("ok"));
    await using server = await serve(() => undefined, answer);
    expect(await check(https, pathTo(server.port, { tunnel: true }))).toMatchObject(wanted);
  });

  test("the same by other protocols over TLS", async () => {
    await using redis = await serve(() => undefined, createTlsServer(wanting));
    const config = { tls: true, verify_ssl: false };
    expect(await check({ type: "redis", config }, pathTo(redis.port, { tunnel: true }))).toMatchObject(wanted);
    expect(await check({ type: "grpc", config }, pathTo(redis.port, { tunnel: true }))).toMatchObject({ ok: false });
  });

  test("a web server whose headers are too long speaks HTTP all the same", async () => {
    const long = `HTTP/1.1 200 OK\r\nx: ${"a".repeat(100_000)}\r\n\r\n`;
    await using server = await serve((socket) => void socket.once("data", () => socket.end(long)));
    const plain = { type: "http", config: { path: "/" } };
    expect(await check(plain, pathTo(server.port))).toMatchObject({ code: "application_unhealthy" });
    await using garbled = await serve((socket) => void socket.once("data", () => socket.end("HTTP/1.1 abc\r\n\r\n")));
    expect(await check(plain, pathTo(garbled.port))).toMatchObject({ code: "application_unhealthy" });
  });

  test("a Redis that takes no further connections, and a PostgreSQL that allows no entry", async () => {
    await using full = await serve((socket) => void socket.end("-ERR max number of clients reached\r\n"));
    expect(await check({ type: "redis" }, pathTo(full.port))).toMatchObject({ code: "too_many_connections" });
    const fields = Buffer.from("SFATAL\0C42501\0Mdenied\0\0");
    const head = Buffer.from([0x45, 0, 0, 0, fields.length + 4]);
    await using denied = await serve(
      (socket) => void socket.once("data", () => socket.end(Buffer.concat([head, fields]))),
    );
    const config = { database: "app", user: "me" };
    const refused = { code: "application_auth_failed", facts: { sqlstate: "42501" } };
    expect(await check({ type: "postgres", config }, pathTo(denied.port))).toMatchObject(refused);
  });
});
