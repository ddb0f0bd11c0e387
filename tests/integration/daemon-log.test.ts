import { spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  mkdtempSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLog } from "#server/daemon/log.ts";
import { isOwnFolder } from "#server/daemon/socket-hint.ts";
import { logTail } from "#shim/log-tail.ts";
import { daemonEnvironment } from "#shim/spawn-daemon.ts";
import { timeZone } from "#shim/time-zone.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pw-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);

/** Runs a script whose stderr is the file, opened for appending as a shim does it. */
function runInto(file: string, script: string): void {
  const log = openSync(file, "a");
  const { status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  expect(status).toBe(0);
}

describe("the log file", () => {
  test("is cut when it is large and is this process's stderr, with the old text kept beside it", () => {
    const file = join(folder, "daemon.log");
    writeFileSync(file, "old\n".repeat(100));
    const script = `const { rotateLog } = await import(${source("server/daemon/rotate-log.ts")});
      rotateLog(${JSON.stringify(file)}, 200); process.stderr.write("new\\n");`;
    runInto(file, script);
    expect(readFileSync(file, "utf8")).toBe("new\n");
    expect(statSync(`${file}.1`).size).toBe(400);
    // A small one is left, and so is one that stderr does not go to.
    runInto(file, script);
    expect(readFileSync(file, "utf8")).toBe("new\nnew\n");
    const other = join(folder, "other.log");
    writeFileSync(other, "x".repeat(300));
    runInto(file, script.replaceAll(file, other));
    expect(statSync(other).size).toBe(300);
  });

  test("never holds a secret by its key", () => {
    const file = join(folder, "daemon.log");
    runInto(
      file,
      `const { openLog } = await import(${source("server/daemon/log.ts")});
       const log = openLog({ level: "nonsense", version: "1" });
       log.child({ component: "ssh" }).warn({ password: "hunter2", hello: { env: { A: "hunter2" } }, code: "x" }, "said");`,
    );
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      level: "warn",
      component: "ssh",
      password: "[redacted]",
      hello: { env: "[redacted]" },
      code: "x",
      msg: "said",
    });
  });

  test("tells an error with its causes, without a secret in it, and a line whatever its facts are", () => {
    const file = join(folder, "daemon.log");
    const descriptor = openSync(file, "a");
    const log = openLog({ version: "1", descriptor });
    const cause = Object.assign(new Error("broken pipe"), { code: "EPIPE" });
    const thrown = Object.assign(new TypeError("it failed", { cause }), { token: "hunter2", path: "/x" });
    log.error({ err: thrown }, "an error");
    const circular: { self?: object } = {};
    circular.self = circular;
    log.info({ circular, size: 1n }, "circular");
    log.debug({}, "below the level");
    closeSync(descriptor);
    // Nobody reads any more: the daemon goes on.
    log.info({}, "nowhere");
    const [first, second, ...more] = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(JSON.parse(first ?? "")).toMatchObject({
      level: "error",
      err: { type: "TypeError", message: "it failed", path: "/x", token: "[redacted]" },
    });
    expect(first).toMatch(/it failed.*caused by: Error: broken pipe/);
    expect(JSON.parse(second ?? "")).toMatchObject({ level: "info", version: "1", msg: "circular" });
    expect(more).toEqual([]);
  });

  test("its end is whole lines, also of a long file, and nothing when there is none", () => {
    const file = join(folder, "daemon.log");
    expect(logTail(file, 3)).toBe("");
    writeFileSync(file, Array.from({ length: 1000 }, (_, index) => `line ${index}\n`).join(""));
    expect(logTail(file, 2)).toBe("line 998\nline 999");
    expect(logTail(file, 1000).split("\n")[0]).toMatch(/^line \d+$/);
  });
});

describe("what a shim says and looks at", () => {
  test("the daemon's environment has neither secrets nor agents", () => {
    expect(
      daemonEnvironment({
        PATH: "/bin",
        LC_ALL: "C",
        XDG_STATE_HOME: "/s",
        PORTWRIGHT_HOME: "relative",
        PORTWRIGHT_API_TOKEN: "x",
        AWS_PROFILE: "p",
        SSH_AUTH_SOCK: "/a",
        NODE_OPTIONS: "--inspect",
        EMPTY: undefined,
      }),
    ).toEqual({
      MALLOC_TRIM_THRESHOLD_: "131072",
      PATH: "/bin",
      LC_ALL: "C",
      XDG_STATE_HOME: "/s",
      PORTWRIGHT_HOME: `${process.cwd()}/relative`,
    });
  });

  test("the time zone is an IANA name or unknown", () => {
    expect(timeZone({ TZ: "Europe/Berlin" })).toBe("Europe/Berlin");
    expect(timeZone({ TZ: ":Asia/Tokyo" })).toBe("Asia/Tokyo");
    expect(timeZone({ TZ: "<+03>-3" }) ?? "UTC").toMatch(/^[A-Za-z]/);
  });

  test.skipIf(process.getuid?.() !== 0)("a socket folder of another user is a trap (needs root to make one)", () => {
    const theirs = join(folder, "theirs");
    mkdirSync(theirs);
    expect(isOwnFolder(join(theirs, "daemon.sock"))).toBe(true);
    chownSync(theirs, 12_345, 12_345);
    expect(isOwnFolder(join(theirs, "daemon.sock"))).toBe(false);
    expect(isOwnFolder(join(folder, "missing", "daemon.sock"))).toBe(true);
  });
});
