/** Two versions of the built command on one machine, over a real SSH bastion: who serves whom, and what is never cut. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startEchoBehindBastion, hold, type HeldConnection } from "../support/echo-behind-bastion.ts";
import { eventually, isAlive } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { clients, forEachClient, type Connect, type Facts, type McpClient } from "../support/mcp-clients.ts";
import { redisBehindBastion, testbed } from "../support/testbed.ts";

const [official] = clients.values();
const older = { PORTWRIGHT_TEST_VERSION: "0.9.0" };
const newer = { PORTWRIGHT_TEST_VERSION: "0.10.0" };
const newest = { PORTWRIGHT_TEST_VERSION: "0.11.0-rc.1" };

let home: Home;
let far: AsyncDisposable | undefined;
const opened: McpClient[] = [];
const held: HeldConnection[] = [];

beforeEach(async () => {
  home = await makeHome();
  if (testbed.ssh) return home.configure(redisBehindBastion());
  // Without the testbed: an SSH server of this process, and a server that echoes behind it.
  const echo = await startEchoBehindBastion(home.path);
  far = echo;
  await home.configure(echo.yaml);
});
afterEach(async () => {
  for (const connection of held.splice(0)) connection[Symbol.dispose]();
  for (const client of opened.splice(0)) await client.close().catch(() => undefined);
  await home[Symbol.asyncDispose]();
  await far?.[Symbol.asyncDispose]();
  far = undefined;
});

async function client(version: Record<string, string>, connect: Connect | undefined = official): Promise<McpClient> {
  if (!connect) throw new Error("no client");
  const one = await connect(home.mcp(version));
  opened.push(one);
  return one;
}

/** Starts the environment. @returns the local port of its one service */
async function started(one: McpClient): Promise<number> {
  const { answer } = await one.callTool("start_environment", {});
  expect(answer).toMatchObject({ state: "ready" });
  const [row] = answer["services"] as Facts[];
  return Number(String(row?.["endpoint"]).split(":").at(-1));
}

const holdOpen = async (port: number): Promise<HeldConnection> => {
  const connection = await hold(port);
  held.push(connection);
  return connection;
};

const daemon = async (): Promise<Facts> =>
  JSON.parse((await home.cli(["daemon", "status", "--output", "json"])).stdout) as Facts;

const verifiedAgain = (one: McpClient): Promise<Facts> =>
  eventually(async () => {
    const { answer } = await one.callTool("get_status", {});
    return answer["state"] === "ready" ? answer : undefined;
  }, 10_000);

describe("no forwarded connection is open", () => {
  forEachClient((_name, connect) => {
    test("[hand-over-idle] the newer takes over, the wanted services come back verified, the older client goes along", async () => {
      const one = await client(older, connect);
      const port = await started(one);
      const before = await daemon();
      expect(before).toMatchObject({ version: "0.9.0" });

      const two = await client(newer, connect);
      const status = await verifiedAgain(two);
      const [[, portNow]] = status["ready"]["rows"] as [[string, number]];
      expect(portNow).toBe(port);
      const after = await daemon();
      expect(after).toMatchObject({ version: "0.10.0", services: { wanted: 1, ready: 1 } });
      await eventually(async () => !isAlive(before["pid"] as number), 5000);
      await (await holdOpen(port)).echoes("through-the-newer");

      expect((await one.callTool("get_status", {})).isError).toBe(false);
      expect(await daemon()).toMatchObject({ version: "0.10.0", pid: after["pid"], clients: 2 });
      expect([one.stderr(), two.stderr()]).toEqual(["", ""]);
    });
  });

  test("an older client is served by a newer daemon, without a word", async () => {
    const one = await client(newer);
    await started(one);
    const before = await daemon();
    const two = await client(older);
    expect((await two.callTool("get_status", {})).answer).toMatchObject({ state: "ready" });
    expect(await daemon()).toMatchObject({ pid: before["pid"], version: "0.10.0", clients: 2 });
    expect(two.stderr()).toBe("");
  });

  // Which of two newer versions comes first is a race; a client that meets the lesser one is served by it, with its notice.
  test("several newer clients at once: one daemon, of a newer version", async () => {
    const one = await client(older);
    await started(one);
    const many = await Promise.all([newer, newest, newer, newest].map((version) => client(version)));
    await Promise.all(many.map(verifiedAgain));
    const now = await daemon();
    expect(now).toMatchObject({ clients: 5, services: { wanted: 1, ready: 1 } });
    expect(["0.10.0", "0.11.0-rc.1"]).toContain(now["version"]);
    // Whoever came first, the next client of the newest version settles it.
    await verifiedAgain(await client(newest));
    expect(await daemon()).toMatchObject({ version: "0.11.0-rc.1", clients: 6, services: { wanted: 1, ready: 1 } });
  });
});

describe("a forwarded connection is open", () => {
  test("[hand-over-busy] the newer is served by the older with one notice, nothing is cut, and the next newer takes over", async () => {
    const one = await client(older);
    const port = await started(one);
    const connection = await holdOpen(port);
    const before = await daemon();

    const two = await client(newer);
    expect((await two.callTool("get_status", {})).answer).toMatchObject({ state: "ready" });
    expect((await two.callTool("start_environment", {})).answer).toMatchObject({ state: "ready" });
    expect(await daemon()).toMatchObject({ pid: before["pid"], version: "0.9.0", connections: 1, clients: 2 });
    await connection.echoes("not-cut");
    const said = two.stderr().trim().split("\n");
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/0\.10\.0, served by the running daemon 0\.9\.0: .* connections are open/);
    expect(one.stderr()).toBe("");

    // The command line of another version says it as well, beside its answer.
    const { code, stdout, stderr } = await home.cli(["call", "get_status"], newer);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: "ready" });
    expect(stderr.match(/served by the running daemon 0\.9\.0/g)).toHaveLength(1);
    await connection.echoes("still-not-cut");

    connection[Symbol.dispose]();
    await eventually(async () => (await daemon())["connections"] === 0, 5000);
    const three = await client(newest);
    await verifiedAgain(three);
    expect(await daemon()).toMatchObject({ version: "0.11.0-rc.1", services: { wanted: 1, ready: 1 } });
    expect(three.stderr()).toBe("");
    expect((await two.callTool("get_status", {})).answer).toMatchObject({ state: "ready" });
    await (await holdOpen(port)).echoes("through-the-newest");
  });
});

describe("mcp --no-daemon", () => {
  const alone = async (): Promise<McpClient> => {
    if (!official) throw new Error("no client");
    const command = home.mcp();
    const one = await official({ ...command, args: [...command.args, "--no-daemon"] });
    opened.push(one);
    return one;
  };

  test("[alone-serves] serves an environment for real, holds the daemon's lock, and leaves what is wanted to the next", async () => {
    const one = await alone();
    const port = await started(one);
    await (await holdOpen(port)).echoes("alone");

    // The command itself, as somebody would start a second one.
    const second = await run(["daemon", "run"]);
    expect(second.code).toBe(75);
    const up = await home.cli(["up"]);
    expect(up.code).toBe(4);
    expect(up.stderr).toMatch(/--no-daemon.*daemon_unreachable/);
    expect((await one.callTool("get_status", {})).answer).toMatchObject({ state: "ready" });

    const { pid = 0 } = one;
    await one.close();
    await eventually(async () => !isAlive(pid), 5000);
    const two = await client({});
    await verifiedAgain(two);
    expect(await daemon()).toMatchObject({ services: { wanted: 1, ready: 1 } });
  });

  test("[alone-refused] is refused while a daemon runs, of whatever version, and says what to do", async () => {
    const one = await client(older);
    const port = await started(one);
    const refused = await run(["mcp", "--no-daemon"], newest);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(
      /leave out --no-daemon to use it, or end it with 'portwright daemon stop'.*daemon_running/,
    );
    await (await holdOpen(port)).echoes("untouched");
  });
});

/** The command with its input open, as a client holds it. */
async function run(
  words: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { command, args, cwd } = home.mcp();
  const child = spawn(command, [args[0] ?? "", ...words], { cwd, env: { ...home.env, ...env } });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}
