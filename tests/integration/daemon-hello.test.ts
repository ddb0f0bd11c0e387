import { connect } from "node:net";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { parseOpening } from "#server/daemon/parse-hello.ts";
import { compareVersions } from "#server/daemon/versions.ts";
import { maxHelloBytes } from "#server/daemon/wire.ts";
import { clientHello } from "#shim/client-hello.ts";
import { LineSplitter } from "#shim/line-splitter.ts";
import { startDaemon } from "../support/daemon-in-process.ts";
import { Sandbox } from "../support/processes.ts";

const hello = { portwright: 1, version: "0.1.0", id: "t", cwd: "/", client: "test", env: { A: "1" } };
const refusedWith = (code: string): Error => expect.objectContaining({ code });

const refusalOf = (line: string): unknown => {
  try {
    parseOpening(line);
    return undefined;
  } catch (error) {
    return error;
  }
};

describe("the hello line", () => {
  test("is understood, with everything unknown in it ignored", () => {
    const line = JSON.stringify({ ...hello, timeZone: "Europe/Berlin", terminal: true, new_in_2027: [1] });
    expect(parseOpening(line)).toMatchObject({
      kind: "hello",
      hello: { client: "test", env: { A: "1" }, terminal: true },
    });
    expect(parseOpening('{"portwright":1,"version":"1","control":"status"}')).toMatchObject({
      kind: "control",
      verb: "status",
    });
  });

  test.each([
    ["no JSON", "hello"],
    ["a list", "[]"],
    ["another exchange", JSON.stringify({ ...hello, portwright: 2 })],
    ["a relative folder", JSON.stringify({ ...hello, cwd: "x" })],
    ["a number as a variable", JSON.stringify({ ...hello, env: { A: 1 } })],
    ["no environment", JSON.stringify({ ...hello, env: undefined })],
    ["an endless name", JSON.stringify({ ...hello, client: "x".repeat(201) })],
    ["an unknown question", '{"portwright":1,"version":"1","control":"explode"}'],
  ])("is refused when it is %s", (_what, line) => {
    expect(() => parseOpening(line)).toThrow(refusedWith("invalid_arguments"));
  });

  test("a variable called __proto__ is a variable", () => {
    const opening = parseOpening(`${JSON.stringify(hello).slice(0, -2)},"__proto__":"x"}}`);
    if (opening.kind !== "hello") throw new Error("no hello");
    expect(Object.keys(opening.hello.env)).toEqual(["A", "__proto__"]);
    expect(({} as { A?: string }).A).toBeUndefined();
  });

  test("any text either is a hello or is refused, with a message that does not repeat it", () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify({ ...hello, ...value })),
    );
    fc.assert(
      fc.property(text, (line) => {
        const error = refusalOf(line);
        expect(error === undefined || error instanceof ConnectivityError).toBe(true);
        expect(line.length > 20 && String(error).includes(line)).toBe(false);
      }),
    );
  });

  test("an environment too large for it loses its largest variables, not the client", () => {
    const env = { SMALL: "kept", BIG: "\u0001".repeat(300_000), OTHER: "x".repeat(500_000) };
    const said = clientHello({ id: "t", version: "1", client: "c", terminal: false, cwd: "/", env });
    expect(Buffer.byteLength(JSON.stringify(said))).toBeLessThan(maxHelloBytes);
    expect(Object.keys(said.env)).toEqual(["SMALL", "OTHER"]);
  });
});

describe("a daemon and strangers", () => {
  let sandbox: Sandbox;
  let daemon: Awaited<ReturnType<typeof startDaemon>>;
  beforeAll(async () => {
    sandbox = new Sandbox();
    daemon = await startDaemon(sandbox);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  test("a refused hello is answered with its code, then the connection is closed", async () => {
    const answer = JSON.parse((await sandbox.say("GET / HTTP/1.1\r\n")) ?? "") as object;
    expect(answer).toMatchObject({ portwright: 1, refused: true, error: { code: "invalid_arguments" } });
  });

  test("a first line over a megabyte is refused without being read to its end", async () => {
    const answer = await sandbox.say(Buffer.alloc(8 * maxHelloBytes, "x"));
    expect(answer).toContain("too long");
  });

  test("silence and half a line end after the time for a hello", async () => {
    expect(await sandbox.say("")).toContain("operation_timed_out");
    expect(await sandbox.say('{"portwright":1,')).toContain("operation_timed_out");
  });

  test("bytes of any kind, in any pieces, cut off at any time, do not hurt it", async () => {
    const valid = Buffer.from(`${JSON.stringify(hello)}\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n`);
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.nat(valid.length).map((end) => valid.subarray(0, end)),
      fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => {
        const broken = Buffer.from(valid);
        broken[at] = byte;
        return broken;
      }),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(50), fc.boolean(), async (sent, cut, abrupt) => {
        const socket = connect(sandbox.paths.socketFile);
        socket.on("error", () => {});
        socket.resume();
        const closed = new Promise((resolve) => void socket.once("close", resolve));
        socket.write(sent.subarray(0, cut));
        await new Promise((resolve) => void setImmediate(resolve));
        if (abrupt) socket.destroy();
        else socket.end(sent.subarray(cut));
        await closed;
      }),
      { numRuns: 150 },
    );
    await expect.poll(async () => (await sandbox.control("status"))?.["clients"]).toBe(0);
    expect(daemon.log.filter((entry) => entry.includes("an error of ours"))).toEqual([]);
  });
});

describe("lines", () => {
  test("come out as they went in, however they are cut, but for those over the limit", () => {
    const lineOf = fc.stringMatching(/^[a-z ü]{0,30}$/);
    fc.assert(
      fc.property(fc.array(lineOf), fc.array(fc.integer({ min: 1, max: 20 })), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        let tooLong = 0;
        const splitter = new LineSplitter(() => tooLong++, 24);
        const out: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          out.push(...splitter.push(bytes.subarray(at, at + cut)).map(String));
          at = Math.min(at + cut, bytes.length);
        }
        const fits = (line: string): boolean => Buffer.byteLength(line) <= 24;
        expect(out).toEqual(lines.filter((line) => line !== "" && fits(line)));
        expect(tooLong).toBe(lines.filter((line) => !fits(line)).length);
      }),
    );
  });
});

describe("versions", () => {
  test("are ordered as semver says", () => {
    const ordered = [
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0",
      "1.2.0",
      "1.10.0",
    ];
    for (const [index, version] of ordered.entries()) {
      for (const [other, than] of ordered.entries()) {
        expect(Math.sign(compareVersions(version, than))).toBe(Math.sign(index - other));
      }
    }
    expect(compareVersions("1.0.0+build", "1.0.0")).toBe(0);
    expect(compareVersions("not a version", "0.0.1")).toBeLessThan(0);
  });
});
