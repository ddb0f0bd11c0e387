import { createHash, createHmac, constants, generateKeyPairSync, pbkdf2Sync, privateDecrypt } from "node:crypto";
import type { Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, TLSSocket } from "node:tls";
import { describe, expect, test } from "vitest";
import { decodeBson, encodeBson, type BsonDocument } from "#adapters/probes/bson.ts";
import { check, pathTo, serve } from "../support/probe-path.ts";
import { serverCertificate } from "../support/test-certificates.ts";

const env = { P: "pencil", W: "wrong" };
const right = "${env:P}";
const wrong = "${env:W}";

/** Whole packets out of a stream, by the length that their head says. */
function packets(
  socket: Socket,
  headBytes: number,
  lengthOf: (head: Buffer) => number,
  on: (packet: Buffer, rest: Buffer) => void,
): void {
  let held = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= headBytes && held.length >= headBytes + lengthOf(held)) {
      const end = headBytes + lengthOf(held);
      const packet = held.subarray(0, end);
      held = held.subarray(end);
      on(packet, held);
    }
  });
}

/** The server's side of SCRAM (RFC 5802): takes two messages of the client, and lets in who knows the password. */
function scramServer(hash: "sha256" | "sha512", user: string, password: string) {
  const bytes = hash === "sha256" ? 32 : 64;
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const salted = pbkdf2Sync(password, "salt", 4096, bytes, hash);
  let bare = "";
  let first = "";
  return {
    first(message: string): string {
      bare = message.replace(/^n,,/, "");
      if (!bare.startsWith(`n=${user},`)) return "e=unknown-user";
      return (first = `r=${/r=(.*)$/.exec(bare)?.[1]}more,s=${Buffer.from("salt").toString("base64")},i=4096`);
    },
    final(message: string): string | undefined {
      const signed = `${bare},${first},${message.replace(/,p=.*$/, "")}`;
      const clientKey = hmac(salted, "Client Key");
      const signature = hmac(createHash(hash).update(clientKey).digest(), signed);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))).toString("base64");
      if (!message.endsWith(`,p=${proof}`)) return undefined;
      return `v=${hmac(hmac(salted, "Server Key"), signed).toString("base64")}`;
    },
  };
}

describe("[check-logins] a mysql check with caching_sha2_password", () => {
  const nonce = Buffer.from("abcdefghijklmnopqrst");
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = rsa.publicKey.export({ type: "spki", format: "pem" }).toString();
  const sha256 = (...parts: Buffer[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
  const xor = (left: Buffer, mask: Buffer): Buffer =>
    Buffer.from(left.map((byte, index) => byte ^ (mask[index % mask.length] ?? 0)));
  const fast = (password: string): Buffer =>
    xor(sha256(Buffer.from(password)), sha256(sha256(sha256(Buffer.from(password))), nonce));
  const packet = (number: number, ...parts: (Buffer | number[])[]): Buffer => {
    const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
    const head = Buffer.alloc(4);
    head.writeUIntLE(body.length, 0, 3);
    head[3] = number;
    return Buffer.concat([head, body]);
  };
  const greeting = (capabilities: number): Buffer =>
    packet(
      0,
      Buffer.from("\u000a8.4.0\0\u0001\0\0\0", "latin1"),
      nonce.subarray(0, 8),
      [0, capabilities & 0xff, (capabilities >> 8) & 0xff, 45, 2, 0, (capabilities >> 16) & 0xff, 0, 21],
      Buffer.alloc(10),
      nonce.subarray(8),
      Buffer.from("\0caching_sha2_password\0"),
    );
  const ok = [0, 0, 0, 2, 0, 0, 0];
  const denied = Buffer.from("\u00ff\u0015\u0004#28000Access denied", "latin1");

  /** `cached`: it knows the password from before; else it wants it whole, by TLS or under its key. */
  const server = (options: { cached: boolean; tls?: boolean }) =>
    serve((socket) => {
      const capabilities = 0x0008_8200 | (options.tls ? 0x800 : 0);
      socket.write(greeting(capabilities));
      const talk = (stream: Socket, encrypted: boolean): void => {
        let state: "login" | "full" | "in" = "login";
        packets(
          stream,
          4,
          (head) => head.readUIntLE(0, 3),
          (received, rest) => {
            const number = (received[3] ?? 0) + 1;
            const body = received.subarray(4);
            if (state === "in") return void stream.write(packet(1, ok));
            if (state === "login" && options.tls && !encrypted && body.length === 32) {
              // The client does not wait: the beginning of its handshake may be here already.
              stream.removeAllListeners("data");
              stream.pause();
              if (rest.length > 0) stream.unshift(rest);
              const secure = new TLSSocket(stream, {
                isServer: true,
                secureContext: createSecureContext(serverCertificate),
              });
              secure.on("error", () => undefined);
              return talk(secure, true);
            }
            if (state === "login") {
              const known = body.includes(fast("pencil"));
              const empty = !body.includes(Buffer.from("caching")) || body[32 + 5] === 0;
              if (known && options.cached) {
                state = "in";
                stream.write(Buffer.concat([packet(number, [1, 3]), packet(number + 1, ok)]));
              } else if (empty || options.cached) stream.write(packet(number, denied));
              else {
                state = "full";
                stream.write(packet(number, [1, 4]));
              }
              return;
            }
            if (!encrypted && body.equals(Buffer.from([2])))
              return void stream.write(packet(number, [1], Buffer.from(pem)));
            const padding = constants.RSA_PKCS1_OAEP_PADDING;
            const clear = encrypted ? body : xor(privateDecrypt({ key: rsa.privateKey, padding }, body), nonce);
            if (clear.equals(Buffer.from("pencil\0"))) state = "in";
            stream.write(packet(number, state === "in" ? ok : denied));
          },
        );
      };
      talk(socket, false);
    });

  test.each([
    ["known from before", { cached: true }, "disable"],
    ["under the server's key", { cached: false }, "disable"],
    ["whole, over TLS", { cached: false, tls: true }, "require"],
  ] as const)("%s", async (_title, options, sslmode) => {
    await using mysql = await server(options);
    const config = { user: "app", password: right, sslmode };
    const result = await check({ type: "mysql", config }, pathTo(mysql.port, { tunnel: true }), { env });
    expect(result).toMatchObject({ ok: true, by: "mysql ping", facts: { encrypted: sslmode === "require" } });
    const refused = check({ type: "mysql", config: { ...config, password: wrong } }, pathTo(mysql.port), { env });
    expect(await refused).toMatchObject({ ok: false, code: "application_auth_failed", facts: { mysql_error: 1045 } });
  });

  test("TLS that is asked for and not offered, an untrusted certificate, a plugin that is not known", async () => {
    await using plain = await server({ cached: true });
    const at = (port: number, sslmode: string) => check({ type: "mysql", config: { sslmode } }, pathTo(port), { env });
    expect(await at(plain.port, "require")).toMatchObject({
      code: "protocol_mismatch",
      facts: { sslmode: "require" },
    });
    await using tls = await server({ cached: true, tls: true });
    expect(await at(tls.port, "verify-full")).toMatchObject({ code: "certificate_untrusted" });
    await using other = await serve((socket) => {
      socket.write(greeting(0x0008_8200));
      socket.once("data", () => socket.write(packet(2, [0xfe], Buffer.from("client_ed25519\0"), nonce)));
    });
    const config = { user: "app", password: right };
    expect(await check({ type: "mysql", config }, pathTo(other.port), { env })).toMatchObject({
      code: "application_auth_failed",
      facts: { plugin: "client_ed25519" },
    });
  });

  test.each([
    [1040, "too_many_connections"],
    [1129, "application_unhealthy"],
    [1130, "application_auth_failed"],
    [1049, "database_missing"],
    [1064, "application_unhealthy"],
  ])("a refusal %i at the greeting is %s", async (number, code) => {
    const error = packet(0, [0xff, number & 0xff, number >> 8], Buffer.from("no"));
    await using server = await serve((socket) => void socket.write(error));
    const result = await check({ type: "mysql" }, pathTo(server.port));
    expect(result).toMatchObject({ ok: false, code, facts: { mysql_error: number }, untrusted: "no" });
  });
});

describe("[check-logins] a mongodb check with SCRAM-SHA-256", () => {
  const server = () =>
    serve((socket) => {
      const scram = scramServer("sha256", "a=2Cpp", "pencil");
      packets(
        socket,
        16,
        (head) => head.readInt32LE(0) - 16,
        (packet) => {
          const command = decodeBson(packet.subarray(21)) ?? {};
          const reply = answer(command, scram);
          const body = Buffer.concat([Buffer.alloc(5), encodeBson(reply)]);
          const head = Buffer.alloc(16);
          for (const [index, value] of [16 + body.length, 9, packet.readInt32LE(4), 2013].entries())
            head.writeInt32LE(value, 4 * index);
          socket.write(Buffer.concat([head, body]));
        },
      );
    });
  const text = (payload: BsonDocument[string] | undefined): string => (payload as Buffer).toString();
  function answer(command: BsonDocument, scram: ReturnType<typeof scramServer>): BsonDocument {
    if (command["hello"] === 1) return { ok: 0, code: 59, errmsg: "no such command" };
    if (command["isMaster"] === 1) return { ok: 1, maxWireVersion: 8 };
    if (command["saslStart"] === 1)
      return { ok: 1, conversationId: 7, done: false, payload: Buffer.from(scram.first(text(command["payload"]))) };
    if (command["saslContinue"] === 1) {
      const final = scram.final(text(command["payload"]));
      if (final === undefined || command["conversationId"] !== 7)
        return { ok: 0, code: 18, errmsg: "Authentication failed." };
      return { ok: 1, conversationId: 7, done: true, payload: Buffer.from(final) };
    }
    const { name } = command["filter"] as { name: string };
    return { ok: 1, databases: name === "shop" ? { "0": { name } } : {} };
  }

  test("the old hello, a login, a database", async () => {
    await using mongo = await server();
    const at = (config: object) => check({ type: "mongodb", config }, pathTo(mongo.port, { tunnel: true }), { env });
    const config = { user: "a,pp", password: right };
    expect(await at(config)).toMatchObject({ ok: true, by: "mongodb login", facts: { wire_version: 8 } });
    expect(await at({ ...config, database: "shop" })).toMatchObject({ ok: true, by: "mongodb listDatabases" });
    expect(await at({ ...config, database: "nowhere" })).toMatchObject({ code: "database_missing" });
    expect(await at({ ...config, password: wrong })).toMatchObject({
      code: "application_auth_failed",
      facts: { mongodb_error: 18 },
      untrusted: "Authentication failed.",
    });
  });
});

describe("[check-logins] a kafka check", () => {
  const int32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  const server = (mechanism: string) =>
    serve((socket) => {
      const scram = scramServer("sha512", "app", "pencil");
      let said = 0;
      packets(
        socket,
        4,
        (head) => head.readInt32BE(0),
        (packet) => {
          const send = (body: Buffer): void =>
            void socket.write(Buffer.concat([int32(body.length + 4), packet.subarray(8, 12), body]));
          const key = packet.readInt16BE(4);
          if (key === 18) return send(Buffer.from([0, 0, 0, 0, 0, 0]));
          if (key === 17) return send(Buffer.from([0, packet.includes(mechanism) ? 0 : 33, 0, 0, 0, 0]));
          const message = packet.subarray(packet.length - packet.readInt32BE(14 + packet.readInt16BE(12))).toString();
          const plain = message === "\0app\0pencil" ? "" : undefined;
          const answer = mechanism === "PLAIN" ? plain : said++ === 0 ? scram.first(message) : scram.final(message);
          if (answer === undefined)
            return send(Buffer.concat([Buffer.from([0, 58, 0, 2]), Buffer.from("no"), int32(0)]));
          send(Buffer.concat([Buffer.from([0, 0, 255, 255]), int32(answer.length), Buffer.from(answer)]));
        },
      );
    });

  test.each([
    ["PLAIN", "plain"],
    ["SCRAM-SHA-512", "scram-sha-512"],
  ])("logs in by %s", async (name, mechanism) => {
    await using kafka = await server(name);
    const at = (config: object) => check({ type: "kafka", config }, pathTo(kafka.port), { env });
    const config = { user: "app", password: right, mechanism };
    expect(await at(config)).toMatchObject({ ok: true, by: "kafka login" });
    expect(await at({ ...config, password: wrong })).toMatchObject({
      code: "application_auth_failed",
      facts: { kafka_error: 58 },
    });
    expect(await at({ ...config, mechanism: "scram-sha-256" })).toMatchObject({ facts: { kafka_error: 33 } });
  });
});

describe("a tls check", () => {
  test("tells the days that are left, and minds them when asked to", async () => {
    const tls = createTlsServer({ ...serverCertificate }, (socket) => void socket.on("error", () => undefined));
    await using server = await serve(() => undefined, tls);
    const at = (config: object) =>
      check({ type: "tls", config: { verify_ssl: false, ...config } }, pathTo(server.port));
    expect(await at({})).toMatchObject({
      ok: true,
      by: "tls handshake",
      facts: { protocol: "TLSv1.3", not_after_ms: Date.UTC(2126, 9, 30, 20, 51, 33) },
    });
    expect(await at({ min_days_left: 3650 })).toMatchObject({ ok: true });
    expect(await check({ type: "tls", config: {} }, pathTo(server.port))).toMatchObject({
      code: "certificate_untrusted",
    });
  });
});
