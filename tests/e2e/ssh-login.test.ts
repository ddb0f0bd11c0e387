/** A person types a one-time code at a real terminal, for the real daemon; an AI client is told the command, and hears nothing of it. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEcho, type Target } from "../contract/forward-driver-targets.ts";
import { mainJs, makeHome, type Home } from "../support/home.ts";
import { newKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

const code = `canary${randomBytes(6).toString("hex")}`;
const hasScript = existsSync("/usr/bin/script");

let home: Home;
let bastion: SshServer;
let inner: SshServer;
let echo: Target;
beforeAll(async () => {
  home = await makeHome();
  echo = await startEcho();
  const key = newKey();
  const rounds = [
    { instruction: "Second factor of bastion", prompts: [{ prompt: "Code: ", echo: false, answer: code }] },
  ];
  bastion = await startSshServer({ authorizedKeys: [key.public], rounds });
  inner = await startSshServer({ authorizedKeys: [key.public] });
  await mkdir(join(home.path, ".ssh"), { mode: 0o700 });
  await writeFile(join(home.path, ".ssh", "id_ed25519"), key.private, { mode: 0o600 });
  await writeFile(join(home.path, ".ssh", "known_hosts"), [...bastion.knownHosts, ...inner.knownHosts].join("\n"));
  const bastionName = `me@127.0.0.1:${bastion.port}`;
  await home.configure(`services:
  - {name: direct, technology: ssh, remote_port: ${echo.port}, connection: {host: 127.0.0.1, user: me, port: ${bastion.port}, remote_host: 127.0.0.1}}
  - {name: behind, technology: ssh, remote_port: ${echo.port}, via: ["${bastionName}"], connection: {host: 127.0.0.1, user: me, port: ${inner.port}, remote_host: 127.0.0.1}}
`);
});
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  for (const resource of [bastion, inner, echo]) await resource[Symbol.asyncDispose]();
});

/** Types a line each time it is asked for something, at a terminal by `script`. */
async function typing(words: readonly string[], lines: readonly string[]): Promise<{ exit: number; said: string }> {
  const command = [process.execPath, mainJs, ...words].map((word) => `'${word}'`).join(" ");
  const [program, ...args] = ["script", "-qec", command, "/dev/null"] as const;
  const child = spawn(program, args, {
    cwd: home.project,
    env: home.env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const left = [...lines];
  let said = "";
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (bytes.toString().includes("(me@127.0.0.1)")) child.stdin.write(`${left.shift() ?? "\u0003"}\r`);
  });
  const [exit] = (await once(child, "exit")) as [number];
  return { exit, said };
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) yield join(entry.parentPath, entry.name);
  }
}

describe.skipIf(!hasScript)("[ssh-login-by-person] portwright ssh login", { timeout: 60_000 }, () => {
  test("an AI client is told the command; the code that a person types is nowhere but at the server", async () => {
    const call = async (tool: string, args: object) =>
      JSON.parse((await home.cli(["call", tool, JSON.stringify(args)])).stdout) as Record<string, unknown>;
    const before = await call("start_environment", {});
    expect(before).toMatchObject({ services: [{ code: "ssh_login_required" }, { code: "ssh_login_required" }] });
    expect(JSON.stringify(before["user_steps"])).toContain(`portwright ssh login me@127.0.0.1:${bastion.port}`);

    const piped = await home.cli(["ssh", "login", `127.0.0.1:${bastion.port}`]);
    expect(piped.code).toBe(1);
    expect(piped.stderr).toContain("approval_required");

    const gaveUp = await typing(["ssh", "login", `127.0.0.1:${bastion.port}`], []);
    expect(gaveUp.exit).toBe(1);
    expect(gaveUp.said).toContain("cancelled");

    const { exit, said } = await typing(["ssh", "login", `127.0.0.1:${bastion.port}`], ["wrong", code]);
    expect(said).toContain("| Second factor of bastion");
    expect(said).toContain("Logged in at");
    expect(exit).toBe(0);
    const after = await call("wait_for", { services: ["direct", "behind"], state: "ready", timeout: "10s" });
    expect(JSON.stringify(after)).not.toContain("ssh_login_required");
    expect(bastion.logins).toBeLessThanOrEqual(2);

    const answers = [said, JSON.stringify([before, after, await call("query", { source: "link_logs" })])];
    for (const text of answers) expect(text).not.toContain(code);
    for (const file of filesBelow(home.path)) expect(readFileSync(file, "latin1")).not.toContain(code);
  });
});
