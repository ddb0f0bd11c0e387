/** What a user gets: the packed tarball, installed in an empty folder, on each Node that it promises, and on one that is too old. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clients } from "../support/mcp-clients.ts";
import { tools } from "../../src/server/mcp/registry.ts";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const [connect] = clients.values();

let folder: string;
let app: string;
let manifest: Manifest;
/** Why nothing could be installed; empty when it was. */
let notInstalled = "";
let node22 = "";

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly scripts: Readonly<Record<string, string>>;
}

/** npm as the user has it (registry, proxy, cache), on the pinned Node; not as a script of ours that runs inside `npm test`. */
const npm = (cwd: string, ...args: readonly string[]): Promise<{ stdout: string }> => {
  const env = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?:package|lifecycle|config_local_prefix)/.test(name),
  );
  const quick = ["--fetch-retries=1", "--fetch-timeout=20000", "--no-audit", "--no-fund", "--loglevel=error"];
  return run("npm", [...args, ...quick], {
    cwd,
    env: { ...Object.fromEntries(env), ...withNode(process.execPath) },
    timeout: 90_000,
  });
};

const withNode = (node: string): Record<string, string> => ({
  PATH: `${dirname(node)}${delimiter}${process.env["PATH"] ?? ""}`,
  HOME: homedir(),
});

/** An empty folder. With a manifest of its own, because npm else takes the next folder above that has one. */
async function emptyFolder(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, "package.json"), "{}\n");
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pw-package-"));
  manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
  // Not by `prepack`, which would build anew under the feet of other tests.
  await run(process.execPath, ["scripts/third-party-licenses.ts"], { cwd: root });
  await npm(root, "pack", "--ignore-scripts", "--pack-destination", folder);
  await run("tar", ["-xzf", join(folder, `portwright-${manifest.version}.tgz`), "-C", folder]);
  app = await emptyFolder("app");
  try {
    await npm(app, "install", "--prefix", app, "--ignore-scripts", join(folder, `portwright-${manifest.version}.tgz`));
    // The npm package `node` only downloads this one when its script runs.
    const name = ["node", ...(process.platform === "darwin" && process.arch === "arm64" ? ["bin"] : [])].join("-");
    const runtime = [name, process.platform, process.arch].join("-");
    const runtimes = await emptyFolder("runtimes");
    await npm(runtimes, "install", "--prefix", runtimes, "--ignore-scripts", `${runtime}@22`);
    node22 = join(runtimes, "node_modules", runtime, "bin", "node");
  } catch (error) {
    const { stderr = "", killed } = error as { stderr?: string; killed?: boolean };
    if (killed !== true && !/E(?:NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT)|network|40[13]|50\d/.test(stderr))
      throw error;
    notInstalled = `npm cannot reach its registry: ${stderr.split("\n")[0]?.slice(0, 120)}`;
  }
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the tarball", () => {
  const packed = async (): Promise<string[]> => {
    const found = await readdir(join(folder, "package"), { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  test("[package-contents] holds the command, what a user reads, and nothing else", async () => {
    const names = (await packed()).map((path) => path.slice(join(folder, "package/").length));
    const expected =
      /^(?:dist\/(?:chunks\/)?[\w.-]+\.(?:m?js|txt|json)|README\.md|CHANGELOG\.md|LICENSE|mcp\.json\.example|package\.json)$/;
    expect(names.filter((name) => !expected.test(name))).toEqual([]);
    expect(names).toEqual(
      expect.arrayContaining(["dist/main.js", "README.md", "LICENSE", "mcp.json.example", "package.json"]),
    );
    const sizes = await Promise.all((await packed()).map(async (path) => (await stat(path)).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(2_000_000);
    expect((await stat(join(folder, `portwright-${manifest.version}.tgz`))).size).toBeLessThan(600_000);
  });

  test("names no folder of the machine that built it, and nothing runs when it is installed", async () => {
    for (const path of await packed()) expect(await readFile(path, "utf8")).not.toContain(root);
    expect(Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    expect(manifest.engines.node).toBe(">=22.19");
  });

  test("brings the licences of the code that is bundled into it", async () => {
    expect(manifest.scripts["prepack"]).toContain("scripts/third-party-licenses.ts");
    const licences = await readFile(join(folder, "package/dist/THIRD-PARTY-LICENSES.txt"), "utf8");
    for (const name of ["@modelcontextprotocol/server", "yaml", "zod"]) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\((?:MIT|ISC|Apache-2\\.0)\\)$`, "m"));
    }
    expect(licences).toContain("Permission is hereby granted, free of charge");
    expect(licences).toContain("Apache License");
  });
});

describe.each([
  ["Node 22", () => node22],
  ["the pinned Node", () => process.execPath],
])("installed in an empty folder, on %s", (label, node) => {
  let home: string;
  let command: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "pw-"));
    command = join(app, "node_modules", ".bin", "portwright");
    env = { ...withNode(node()), HOME: home, PORTWRIGHT_HOME: home };
  });
  afterAll(async () => {
    if (notInstalled === "") await run(command, ["daemon", "stop"], { env, cwd: home });
    await rm(home, { recursive: true, force: true });
  });

  test("[package-version] says its version", async (context) => {
    if (notInstalled !== "") context.skip(notInstalled);
    const major = (await run(node(), ["--version"])).stdout;
    expect(major).toMatch(label === "Node 22" ? /^v22\./ : /^v2[4-9]\./);
    expect((await run(command, ["--version"], { env, cwd: home })).stdout).toBe(`${manifest.version}\n`);
  });

  test("[package-mcp] serves MCP, with every tool", async (context) => {
    if (notInstalled !== "" || !connect) return context.skip(notInstalled);
    const client = await connect({ command, args: ["mcp"], env, cwd: home });
    expect((await client.listTools()).map(({ name }) => name as string)).toEqual(tools.map(({ name }) => name));
    expect((await client.callTool("start_environment")).answer).toMatchObject({ state: "proposal" });
    expect(client.stderr()).toBe("");
    await client.close();
    const { stdout } = await run(command, ["daemon", "status", "--output", "json"], { env, cwd: home });
    const { pid } = JSON.parse(stdout) as { pid: number };
    if (process.platform !== "linux") return;
    // The daemon runs on the same Node as the client's command.
    expect((await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0")[0]).toBe(node());
  });

  test("[package-demo] runs the demo to its end", async (context) => {
    if (notInstalled !== "") context.skip(notInstalled);
    const { stdout } = await run(command, ["demo"], { env, cwd: home, timeout: 60_000 });
    expect(stdout).toContain("3 of 3 ready");
  }, 90_000);
});

describe("a Node that is too old", () => {
  test("[package-old-node] gets one clear sentence, whatever it was asked", async (context) => {
    const old = await oldNode();
    if (old === undefined) return context.skip("this machine has no Node older than 22.19 on its PATH");
    for (const words of [["--version"], ["mcp"], ["demo"], []]) {
      const failed = await run(old.path, [join(folder, "package/dist/main.js"), ...words]).then(
        () => ({ code: 0, stdout: "", stderr: "" }),
        (error: unknown) => error as { code: number; stdout: string; stderr: string },
      );
      expect(failed).toMatchObject({ code: 2, stdout: "" });
      expect(failed.stderr).toBe(
        `portwright needs Node 22.19 or newer, and this is Node ${old.version}: install a newer one from https://nodejs.org.\n`,
      );
    }
  });
});

/** The machine's own Node, where it is older than what the package asks for. */
async function oldNode(): Promise<{ path: string; version: string } | undefined> {
  for (const place of [...new Set((process.env["PATH"] ?? "").split(delimiter))]) {
    const path = join(place, "node");
    const said = await run(path, ["--version"]).catch(() => undefined);
    const [, version = "", major = "", minor = ""] = /^v((\d+)\.(\d+)\.\d+)/.exec(said?.stdout ?? "") ?? [];
    if (version !== "" && (Number(major) < 22 || (Number(major) === 22 && Number(minor) < 19)))
      return { path, version };
  }
  return undefined;
}
