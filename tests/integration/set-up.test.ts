import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

const made: string[] = [];
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const locked = (version: string): string =>
  JSON.stringify({ packages: { "": {}, "node_modules/thing": { version, integrity: "sha512-x" } } });

/** What stands in for npm, which is a program outside of the project: installs slowly, and notes each call. */
const fakeNpm = `#!${process.execPath}
const fs = require("node:fs");
fs.appendFileSync("npm-calls", process.argv.slice(2, 4).join(" ") + "\\n");
if (process.argv[2] === "ci") {
  const until = Date.now() + 400;
  while (Date.now() < until);
  for (const name of ["thing", "node/bin", ".bin", "ssh2", "cpu-features", "vitest"]) {
    fs.mkdirSync("node_modules/" + name, { recursive: true });
  }
  for (const name of ["node", "ssh2", "cpu-features"]) fs.writeFileSync("node_modules/" + name + "/package.json", '{"version": "1"}');
  fs.writeFileSync("node_modules/vitest/package.json", '{"version": "1", "bin": {"vitest": "run.js"}}');
  fs.writeFileSync("node_modules/vitest/run.js", 'console.log("vitest", process.argv.slice(2).join(" ")); process.exit(3);');
  fs.copyFileSync("package-lock.json", "node_modules/.package-lock.json");
} else if (process.argv[3] === "node") {
  fs.symlinkSync(process.execPath, "node_modules/node/bin/node");
  fs.symlinkSync("../node/bin/node", "node_modules/.bin/node");
}
`;

/** A clone with nothing installed, whose build writes one file. */
function freshClone(): string {
  const folder = mkdtempSync(join(tmpdir(), "set-up-"));
  made.push(folder);
  mkdirSync(join(folder, "scripts"));
  mkdirSync(join(folder, "src"));
  mkdirSync(join(folder, "path"));
  cpSync("scripts/with-setup.mjs", join(folder, "scripts/with-setup.mjs"));
  cpSync("scripts/set-up", join(folder, "scripts/set-up"), { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "package-lock.json"), locked("1.0.0"));
  writeFileSync(join(folder, "src/main.ts"), "first");
  const build = `import fs from "node:fs"; fs.mkdirSync("dist", { recursive: true }); fs.copyFileSync("src/main.ts", "dist/main.js");`;
  writeFileSync(join(folder, "scripts/build.ts"), build);
  writeFileSync(join(folder, "path/npm"), fakeNpm, { mode: 0o755 });
  return folder;
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function setUp(folder: string, ...command: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [join(folder, "scripts/with-setup.mjs"), ...command], {
    cwd: folder,
    // No compiler: only npm and Node are in the PATH.
    env: { ...process.env, PATH: join(folder, "path"), npm_config_omit: "dev" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

const npmCalls = (folder: string): string[] => readFileSync(join(folder, "npm-calls"), "utf8").trim().split("\n");

describe("the set-up", () => {
  test("[project-set-up] installs, fetches Node and builds, then runs the command with its arguments and exit code", async () => {
    const folder = freshClone();
    const first = await setUp(folder, "vitest", "run", "tests/unit");
    expect(first).toMatchObject({ code: 3, stdout: "vitest run tests/unit\n" });
    expect(first.stderr).toContain("npm ci");
    expect(first.stderr).toContain("ssh2 runs without its native crypto, which is normal");
    expect(npmCalls(folder)).toEqual(["ci --ignore-scripts", "rebuild node"]);
    expect(readFileSync(join(folder, "dist/main.js"), "utf8")).toBe("first");
    const second = await setUp(folder, "vitest", "--keep");
    expect(second).toEqual({ code: 3, stdout: "vitest --keep\n", stderr: "" });
    expect(npmCalls(folder)).toHaveLength(2);
  });
  test("builds again when a source changed, installs again when the lock file did", async () => {
    const folder = freshClone();
    await setUp(folder);
    writeFileSync(join(folder, "src/main.ts"), "second");
    expect((await setUp(folder)).stderr).toMatch(/^set-up: building dist\/\nset-up: built in [\d.]+ s\n$/);
    expect(readFileSync(join(folder, "dist/main.js"), "utf8")).toBe("second");
    writeFileSync(join(folder, "package-lock.json"), locked("1.0.1"));
    rmSync(join(folder, "node_modules"), { recursive: true });
    await setUp(folder);
    expect(npmCalls(folder).filter((call) => call.startsWith("ci"))).toHaveLength(2);
  });
  test("two at once share the work", async () => {
    const folder = freshClone();
    const outcomes = await Promise.all([setUp(folder, "vitest", "a"), setUp(folder, "vitest", "b")]);
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual([
      [3, "vitest a\n"],
      [3, "vitest b\n"],
    ]);
    expect(outcomes.filter(({ stderr }) => stderr.includes("another set-up of this folder is running"))).toHaveLength(
      1,
    );
    expect(npmCalls(folder)).toHaveLength(2);
    expect(existsSync(join(folder, ".set-up.lock"))).toBe(false);
  });
  test("takes over from one that was killed", async () => {
    const folder = freshClone();
    const dead = spawn(process.execPath, ["-e", ""]);
    await once(dead, "close");
    writeFileSync(join(folder, ".set-up.lock"), String(dead.pid));
    expect((await setUp(folder, "vitest")).code).toBe(3);
  });
  test("says what npm said when it fails, and ends with 1", async () => {
    const folder = freshClone();
    const npm = `#!${process.execPath}\nconsole.error("npm error network"); process.exit(1);`;
    writeFileSync(join(folder, "path/npm"), npm, { mode: 0o755 });
    const { code, stderr } = await setUp(folder, "vitest");
    expect(code).toBe(1);
    expect(stderr).toContain("npm ci failed");
    expect(stderr).toContain("npm error network");
  });
  test("works for a folder whose path has a space, through a link", async () => {
    const folder = freshClone();
    const link = join(dirname(folder), `a link to ${folder.slice(-6)}`);
    symlinkSync(folder, link);
    made.push(link);
    expect((await setUp(link, "vitest", "x")).stdout).toBe("vitest x\n");
  });
});
