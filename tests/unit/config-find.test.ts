import { chmod, chown, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createConfigSource } from "#adapters/config-files/index.ts";

const source = createConfigSource();
let base = "";
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "portwright-find-")));
});
afterEach(() => rm(base, { recursive: true, force: true }));

const put = async (path: string, text = "services: []\n"): Promise<string> => {
  const file = join(base, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
};

/** Home is `home` below the temp folder, whatever the machine's is. */
const find = async (cwd: string, env: Record<string, string> = {}, config?: string) => {
  await mkdir(join(base, cwd), { recursive: true });
  const variables: Record<string, string> = {
    HOME: join(base, "home"),
    PORTWRIGHT_HOME: join(base, "nowhere"),
    ...env,
  };
  return source.find({ cwd: join(base, cwd), config, lookup: (name) => variables[name] });
};

describe("the file of a workspace", () => {
  test("[config-names] is the nearest upwards, ours before LocalPort's", async () => {
    const upper = await put("p/portwright.yaml");
    expect(await find("p/a/b/c")).toBe(upper);
    const names = [
      ".localport.yaml",
      "localport.yml",
      "localport.yaml",
      ".portwright.yaml",
      "portwright.yml",
      "portwright.yaml",
    ];
    for (const name of names) {
      const nearer = await put(`p/a/${name}`);
      expect(await find("p/a/b/c")).toBe(nearer);
    }
  });
  test("is never in the home folder itself, and a folder of that name is none", async () => {
    await put("home/portwright.yaml");
    expect(await find("home")).toBeUndefined();
    expect(await find("home/x")).toBeUndefined();
    await mkdir(join(base, "home/p/portwright.yaml"), { recursive: true });
    expect(await find("home/p")).toBeUndefined();
    expect(await find("home/x", {}, "../portwright.yaml")).toBe(join(base, "home/portwright.yaml"));
  });
  test("else it is the person's own, ours before LocalPort's", async () => {
    const env = { PORTWRIGHT_HOME: "", XDG_CONFIG_HOME: "" };
    const names = [
      "home/.config/localport/config.yaml",
      "home/.localport.yaml",
      "home/.portwright.yaml",
      "home/.config/portwright/config.yaml",
    ];
    for (const name of names) expect(await put(name)).toBe(await find("home/x", env));
    const xdg = await put("xdg/portwright/config.yaml");
    expect(await find("home/x", { ...env, XDG_CONFIG_HOME: join(base, "xdg") })).toBe(xdg);
  });
  test("PORTWRIGHT_HOME moves that part", async () => {
    await put("home/.config/portwright/config.yaml");
    const env = { PORTWRIGHT_HOME: join(base, "moved") };
    expect(await find("home/x", env)).toBeUndefined();
    const names = [
      ".config/localport/config.yaml",
      ".localport.yaml",
      ".portwright.yaml",
      ".config/portwright/config.yaml",
      "config/config.yaml",
    ];
    for (const name of names) expect(await put(`moved/${name}`)).toBe(await find("home/x", env));
  });
  test("--config wins, then PORTWRIGHT_CONFIG; LOCALPORT_CONFIG_FILE stands in for LocalPort's files", async () => {
    const named = await put("named.yaml");
    const other = await put("other.yaml");
    await put("p/localport.yaml");
    const env = { LOCALPORT_CONFIG_FILE: other };
    expect(await find("p", env)).toBe(other);
    const near = await put("p/portwright.yaml");
    expect(await find("p", env)).toBe(near);
    expect(await find("p", { ...env, PORTWRIGHT_CONFIG: named })).toBe(named);
    expect(await find("p", { PORTWRIGHT_CONFIG: named }, "../other.yaml")).toBe(other);
    expect(await find("p", { HOME: base }, "~/other.yaml")).toBe(other);
  });
  test.each([
    [{}, "gone.yaml", "--config"],
    [{ PORTWRIGHT_CONFIG: "gone.yaml" }, undefined, "PORTWRIGHT_CONFIG"],
    [{ LOCALPORT_CONFIG_FILE: "gone.yaml" }, undefined, "LOCALPORT_CONFIG_FILE"],
  ])("a file that is named and not there is refused: %j %s", async (env, config, word) => {
    await expect(find("p", env as Record<string, string>, config)).rejects.toMatchObject({
      code: "config_not_found",
      message: expect.stringContaining(word),
      facts: { file: join(base, "p/gone.yaml") },
    });
  });
  test("is not what somebody else put into a folder for all", async () => {
    const file = await put("p/portwright.yaml");
    await chmod(join(base, "p"), 0o1777);
    expect(await find("p")).toBe(file);
    // Given away by root, else looked at as somebody else.
    if (process.geteuid?.() === 0) await chown(file, 54_321, 54_321);
    const stranger = vi.spyOn(process, "getuid").mockReturnValue(12_345);
    expect(await find("p")).not.toBe(file);
    await chmod(join(base, "p"), 0o755);
    expect(await find("p")).toBe(file);
    stranger.mockRestore();
  });
  test("is one path, however its folder was reached", async () => {
    const file = await put("p/portwright.yaml");
    await symlink(join(base, "p"), join(base, "link"));
    expect(await source.find({ cwd: join(base, "link"), lookup: () => undefined })).toBe(file);
  });
});

describe("the dialect", () => {
  const kubectl =
    "services:\n  - {name: a, technology: kubectl, local_port: 1, remote_port: 2, connection: {resource_name: x}}\n";
  const plain = "services:\n  - {name: a, technology: ssh, local_port: 1, remote_port: 2, connection: {host: x}}\n";
  test.each([
    ["portwright.yaml", kubectl, "portwright"],
    [".portwright.yaml", kubectl, "portwright"],
    ["my-portwright-test.yaml", kubectl, "portwright"],
    [".config/portwright/config.yaml", kubectl, "portwright"],
    ["localport.yaml", plain, "localport"],
    [".localport.yaml", plain, "localport"],
    ["team.LocalPort.yml", plain, "localport"],
    ["localport/config.yaml", plain, "localport"],
    ["forwards.yaml", plain, "portwright"],
    ["forwards.yaml", kubectl, "localport"],
    ["forwards.yaml", plain.replace("host: x", "host: '${HOST:x}'"), "localport"],
    ["forwards.yaml", plain.replace("host: x", "host: '${env:HOST:x}'"), "portwright"],
    ["forwards.yaml", `${kubectl}environments: []\n`, "portwright"],
    ["forwards.yaml", `# technology: kubectl \${X}\n${plain}`, "portwright"],
  ])("%s", async (name, text, dialect) => {
    const reading = await source.read(await put(name, text), () => undefined);
    expect(reading).toMatchObject({ ok: true, configuration: { dialect, path: join(base, name) } });
  });
  test("LOCALPORT_CONFIG_FILE says it for a file that could be either", async () => {
    const file = await put("forwards.yaml", plain);
    const lookup = (name: string) => (name === "LOCALPORT_CONFIG_FILE" ? file : undefined);
    expect(await source.read(file, lookup)).toMatchObject({ configuration: { dialect: "localport" } });
  });
});

describe("what is no configuration file", () => {
  const read = (path: string) => source.read(path, () => undefined);
  test("not there, a folder, below a file", async () => {
    await expect(read(join(base, "gone.yaml"))).rejects.toMatchObject({ code: "config_not_found" });
    await expect(read(`${await put("f")}/x.yaml`)).rejects.toMatchObject({ code: "config_not_found" });
    await expect(read(join(base, "a\0b"))).rejects.toMatchObject({ code: "config_not_found" });
    await expect(read(base)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("is a folder"),
    });
    await symlink(join(base, "loop"), join(base, "loop"));
    await expect(read(join(base, "loop"))).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("leads back"),
    });
    await expect(read("/dev/null")).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("regular"),
    });
  });
  test("too large, binary, another encoding", async () => {
    const large = await put("large.yaml", `a: ${"x".repeat(1_000_000)}`);
    await expect(read(large)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("larger than 1 MB"),
    });
    const binary = join(base, "binary.yaml");
    await writeFile(binary, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0]));
    await expect(read(binary)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("zero bytes"),
    });
    await writeFile(binary, Buffer.from("name: caf\xe9", "latin1"));
    await expect(read(binary)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("UTF-8"),
    });
  });
  test("not readable by this user", async () => {
    const file = await put("secret.yaml");
    await chmod(file, 0o000);
    await chmod(base, 0o755);
    // Root may read everything: then as nobody.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      await expect(read(file)).rejects.toMatchObject({
        code: "config_invalid",
        message: expect.stringContaining("permissions"),
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
  test("a byte order mark is none of the text", async () => {
    const reading = await read(await put("portwright.yaml", "\uFEFFservices:\n  - {}\n"));
    expect(reading).toMatchObject({
      ok: false,
      problems: expect.arrayContaining([expect.objectContaining({ line: 2, column: 5 })]),
    });
  });
  test("the fingerprint changes with the file and is undefined without it", async () => {
    const file = await put("portwright.yaml");
    const before = await source.fingerprint(file);
    expect(await source.fingerprint(file)).toBe(before);
    await writeFile(file, "services: [ ]\n");
    expect(await source.fingerprint(file)).not.toBe(before);
    expect(await source.fingerprint(join(base, "gone"))).toBeUndefined();
  });
});
