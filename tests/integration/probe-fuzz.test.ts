import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isErrorCode } from "#domain/error-catalogue.ts";
import { check, pathTo, serve } from "../support/probe-path.ts";

const beginnings = [
  "",
  "HTTP/1.1 200 OK\r\n",
  "+PONG",
  "-ERR ",
  "N",
  "S",
  "R\0\0\0\x08\0\0\0",
  "E\0\0\0\x40",
  "\0\0\0\x0a\0\0\0\x01",
  "\x16\x03\x03",
  // Greetings: MySQL's, an OK and a switch of its login; AMQP's start; HTTP/2's settings; an answer of MongoDB, of DNS; SSH's.
  "\x4a\0\0\0\x0a8.0.0\0\0\0\0\0abcdefgh\0\xff\xff\x2d\0\0\xff\xff\x15",
  "\x01\0\0\0\x0a\0",
  "\x01\0\0\0\0\x20\0\x0a\0\x0a",
  "\0\0\x06\x04\0\0\0\0\0\0\x04\0\xff\xff\xff",
  "\x40\0\0\0\x01\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0",
  "\0\x20",
  "SSH-2.0-x\r\n\0\0\x01\0\x04\x14",
];

const types = [
  "redis",
  "http",
  "https",
  "postgres",
  "kafka",
  "tcp",
  "tls",
  "grpc",
  "mysql",
  "mongodb",
  "amqp",
  "dns",
  "ssh",
];
const greeted = ["mysql", "ssh"];

test.each(types)("whatever a server says, a %s check ends with a result", async (type) => {
  let reply = Buffer.alloc(0);
  await using server = await serve((socket) => {
    if (greeted.includes(type)) socket.end(reply);
    else socket.once("data", () => socket.end(reply));
    socket.resume();
  });
  const path = pathTo(server.port);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 300 }), async (beginning, rest) => {
      reply = Buffer.concat([Buffer.from(beginning, "latin1"), rest]);
      const result = await check({ type }, path, { timeoutMs: 2000 });
      expect(result.ok || isErrorCode(result.code)).toBe(true);
      expect(!result.ok && result.code).not.toBe("internal_error");
    }),
    { numRuns: type === "tcp" ? 2 : 25 },
  );
  await expect.poll(() => path.open.size).toBe(0);
});
