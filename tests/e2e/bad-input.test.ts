/** What a new user can get wrong, through the built command and an MCP client: each time a code, a way on, and no harm. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { isErrorCode } from "#domain/error-catalogue.ts";
import { askRunningDaemon } from "#shim/reach-daemon.ts";
import { tools } from "../../src/server/mcp/registry.ts";
import {
  hold,
  startEchoBehindBastion,
  type EchoBehindBastion,
  type HeldConnection,
} from "../support/echo-behind-bastion.ts";
import { badFiles, badKubeconfigs } from "../support/bad-files.ts";
import { makeHome, type Exit, type Home } from "../support/home.ts";
import { clients, type Facts } from "../support/mcp-clients.ts";

const [connect] = clients.values();

let home: Home;
let far: EchoBehindBastion;
let held: HeldConnection;
let before: unknown;

const daemon = async (): Promise<Facts> => {
  const status = await askRunningDaemon(portwrightPaths(home.env, home.path), { version: "0.0.0", control: "status" });
  return { pid: status?.pid, wanted: status?.services.wanted, ready: status?.services.ready };
};

beforeAll(async () => {
  home = await makeHome();
  far = await startEchoBehindBastion(home.path);
  await home.configure(far.yaml);
  const { stdout } = await home.cli(["up", "--output", "json"]);
  const [row] = (JSON.parse(stdout) as Facts)["services"] as Facts[];
  held = await hold(Number(String(row?.["endpoint"]).split(":").at(-1)));
  before = await daemon();
});
afterAll(async () => {
  held[Symbol.dispose]();
  await home[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

/** What ran runs on untouched, in the same daemon, and no more is wanted. */
const expectNothingChanged = async (): Promise<void> => {
  await held.echoes("still-there");
  expect(await daemon()).toEqual(before);
};

const json = ({ stdout }: Exit): Facts => JSON.parse(stdout) as Facts;

/** One call of a tool by an AI client that was started with this configuration file and environment. */
async function callAsClient(options: {
  readonly config: string;
  readonly tool?: string;
  readonly args?: Record<string, unknown>;
  readonly env?: Record<string, string>;
}): Promise<{ answer: Facts; isError: boolean }> {
  if (!connect) throw new Error("no client");
  const { args, ...command } = home.mcp(options.env);
  const client = await connect({ ...command, args: [...args, "--config", options.config] });
  try {
    return await client.callTool(options.tool ?? "start_environment", options.args ?? {});
  } finally {
    await client.close();
  }
}

let folder: string;
const freshFolder = async (): Promise<string> => (folder = await mkdtemp(join(home.path, "case-")));
afterEach(async () => {
  if (folder) await rm(folder, { recursive: true, force: true });
});

test("one service runs, with a connection through it", () => {
  expect(before).toMatchObject({ wanted: 1, ready: 1 });
});

describe("a configuration file that is bad", () => {
  test.each(badFiles)("[bad-input] $is", async ({ code = "config_invalid", says, file = "bad.yaml", make }) => {
    const path = join(await freshFolder(), file);
    await make?.(path);
    const bytes = await contentOf(path);

    const validated = await home.cli(["config", "validate", path]);
    expect(validated.code).toBe(3);
    expect(validated.stdout + validated.stderr).toMatch(says);
    const asJson = json(await home.cli(["config", "validate", path, "--output", "json"]));
    expect([asJson["code"], ...((asJson["problems"] ?? []) as Facts[]).map((one) => one["code"] as unknown)]).toContain(
      code,
    );

    const up = await home.cli(["--config", path, "up"]);
    expect(up.code).toBe(3);
    expect(up.stdout).toContain(code);
    expect(up.stdout).toMatch(/\S\n→ /);

    const called = await home.cli(["call", "start_environment", "--config", path]);
    expect(called.code).toBe(3);
    expect(json(called)).toMatchObject({ error: { code, retryable: false } });

    const { answer, isError } = await callAsClient({ config: path });
    expect(isError).toBe(true);
    expect(answer["error"]).toMatchObject({ code });
    expect(JSON.stringify(answer)).toMatch(says);

    expect(await contentOf(path)).toEqual(bytes);
    await expectNothingChanged();
  });

  test("LocalPort's empty file is one without services: valid with a warning, and nothing to start", async () => {
    const path = join(await freshFolder(), "localport.yaml");
    await writeFile(path, "");
    const validated = await home.cli(["config", "validate", path]);
    expect(validated.code).toBe(0);
    expect(validated.stdout).toContain("warning: the file is empty");
    const up = await home.cli(["--config", path, "up"]);
    expect(up.code).toBe(3);
    expect(up.stdout).toMatch(/declares no services; declare them under services:[\s\S]*config_invalid/);
    await expectNothingChanged();
  });

  test("names that LocalPort takes are warnings in its files, and such services run and stop by these names", async () => {
    const path = join(await freshFolder(), "localport.yaml");
    const names = ["my db", "my.db", "-db"];
    const ports = await Promise.all(names.map(freePort));
    await writeFile(
      path,
      `version: "1.0"\nservices:\n${names.map((name, at) => `  - name: "${name}"\n    local_port: ${ports[at]}\n${far.declaration("    ")}`).join("")}`,
    );
    const validated = await home.cli(["config", "validate", path]);
    expect(validated.code).toBe(0);
    expect(validated.stdout.match(/warning: .*name/g)).toHaveLength(3);
    const up = await home.cli(["--config", path, "up", "--output", "json"]);
    expect(up.code).toBe(0);
    expect((json(up)["services"] as Facts[]).map((row) => [row["service"], row["state"]])).toEqual(
      names.map((name) => [name, "ready"]),
    );
    const down = await home.cli([
      "--config",
      path,
      "down",
      "--service=-db",
      "--service",
      "my db",
      "--service",
      "my.db",
    ]);
    expect(down.code).toBe(0);
    await expectNothingChanged();
  });
});

describe("a file that becomes bad while its services run", () => {
  afterEach(async () => {
    await rm(join(home.project, "portwright.yaml"), { recursive: true, force: true });
    await home.configure(far.yaml);
    await home.cli(["up"]);
  });
  const bad = badFiles.filter(({ file, make }) => file === undefined && make !== undefined);
  test.each(bad)("$is", async ({ make, code = "config_invalid" }) => {
    const path = join(home.project, "portwright.yaml");
    await rm(path, { recursive: true });
    await make?.(path);
    const called = await home.cli(["--config", path, "call", "start_environment"]);
    expect(called.code).toBe(3);
    expect(json(called)).toMatchObject({ error: { code } });
    await expectNothingChanged();
    const status = await home.cli(["--config", path, "call", "get_status"]);
    expect(json(status)["summary"]).toContain(
      code === "config_not_found" ? "name one that exists" : "the last valid reading is in force",
    );
  });
});

describe("a kubeconfig that is bad", () => {
  test.each(badKubeconfigs)("$is", async ({ code, says, make }) => {
    const kubeconfig = join(await freshFolder(), "kubeconfig");
    await make(kubeconfig);
    const config = join(folder, "portwright.yaml");
    await writeFile(
      config,
      "services:\n  - {name: web, technology: kubernetes, remote_port: 80, connection: {context: nowhere, resource_name: web}}\n",
    );
    const env = { KUBECONFIG: kubeconfig };
    const up = await home.cli(["--config", config, "up"], env);
    expect(up.code).toBe(1);
    expect(up.stdout).toMatch(says);
    expect(up.stdout).toContain(code);
    expect(up.stdout).toMatch(/^→ (?:run|edit) /m);
    const diagnosed = await home.cli(["--config", config, "diagnose", "web", "--output", "json"], env);
    expect(diagnosed.code).toBe(1);
    expect(json(diagnosed)).toMatchObject({ root_cause: { code, message: expect.stringMatching(says) as string } });
    const { answer } = await callAsClient({ config, env });
    expect(answer).toMatchObject({ state: "failed", services: [{ service: "web", code }] });
    expect(answer["user_steps"]).toBeDefined();
    // It is wanted from now on, and comes back when the kubeconfig is there: that was asked for, nothing else.
    expect((await home.cli(["--config", config, "down"], env)).code).toBe(0);
    await expectNothingChanged();
  });
});

describe("arguments of a tool that are bad", () => {
  const shapes = tools.map((tool) => ({
    name: tool.name,
    keys: Object.keys((tool.input as unknown as { shape: object }).shape),
  }));
  const long = "x".repeat(100_000);
  const calls = shapes.flatMap(({ name, keys: [key = ""] }) => [
    { tool: name, what: "unknown", args: { nonsense: 1 }, says: "nonsense is not an argument of this tool" },
    { tool: name, what: "of the wrong type", args: { [key]: { a: [true] } }, says: `${key} must be ` },
    { tool: name, what: "too long", args: { [key]: long }, says: key },
  ]);

  test("each is refused by the command line with exit code 2", async () => {
    for (const { tool, args, says } of calls) {
      const called = await home.cli(["call", tool, JSON.stringify(args)]);
      expect([tool, called.code]).toEqual([tool, 2]);
      expect(json(called)).toMatchObject({ error: { code: "invalid_arguments", retryable: false } });
      expect(json(called)["summary"]).toContain(says);
      expect(called.stdout.length).toBeLessThan(6000);
    }
    await expectNothingChanged();
  });

  test("and to an AI client as an error that names the argument", async () => {
    if (!connect) throw new Error("no client");
    const client = await connect(home.mcp());
    for (const { tool, args, says } of calls) {
      const { answer, isError } = await client.callTool(tool, args);
      expect([tool, isError]).toEqual([tool, true]);
      expect(answer["error"]).toMatchObject({ code: "invalid_arguments" });
      expect(answer["summary"]).toContain(says);
    }
    await client.close();
    await expectNothingChanged();
  });

  test.each([
    [["call", "get_status", "{"], 2, "invalid_arguments"],
    [["call", "get_status", "[1]"], 2, "invalid_arguments"],
    [["call", "no_such_tool"], 2, "invalid_arguments"],
    [["call", "start_environment", '{"environment": "nope"}'], 1, "unknown_environment"],
    [["up", "nope"], 1, "unknown_environment"],
    [["up", "--service", "nope"], 1, "unknown_service"],
    [["diagnose", "no such service"], 1, "unknown_service"],
    [["up", "--no-such-option"], 2, "--help"],
    [["up", "--output", "xml"], 2, "--help"],
    [["upp"], 2, "did you mean up?"],
  ])("%j ends with %i", async (words, code, says) => {
    const run = await home.cli(words);
    expect(run.code).toBe(code);
    expect(run.stdout + run.stderr).toContain(says);
    const [said] = /\b[a-z]+_[a-z_]+\b/.exec(says) ?? [];
    expect(said === undefined || isErrorCode(said)).toBe(true);
    await expectNothingChanged();
  });
});

test("a daemon that cannot be reached is exit code 4, with its code and the way on", async () => {
  // The folder of the state cannot be made.
  const file = join(await freshFolder(), "file");
  await writeFile(file, "");
  const run = await home.cli(["call", "get_status"], { PORTWRIGHT_HOME: join(file, "below") });
  expect(run.code).toBe(4);
  expect(run.stderr).toMatch(/cannot write to .*; make that folder writable, .*daemon_unreachable/);
  await expectNothingChanged();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** What stands at a path, to be compared: its text, else what it is. */
async function contentOf(path: string): Promise<unknown> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error.code);
  if (typeof found !== "object") return found;
  if (!found.isFile() || found.size === 0) return [found.mtimeMs, found.size];
  return [
    found.mtimeMs,
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
  ];
}
