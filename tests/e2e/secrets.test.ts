/** An attacker's look at everything that Portwright says and keeps: secrets nowhere, text from outside only as evidence. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { portwrightPaths, type PortwrightPaths } from "#adapters/system/paths.ts";
import { startEchoBehindBastion, type EchoBehindBastion } from "../support/echo-behind-bastion.ts";
import { makeHome, type Home } from "../support/home.ts";
import { sting, startHostileServers, type HostileServers } from "../support/hostile-servers.ts";
import { clients, type Facts, type McpClient } from "../support/mcp-clients.ts";

const [connect] = clients.values();
const random = (what: string): string => `${what}-${randomBytes(9).toString("hex")}`;

/** Nobody may ever see one of these. */
const secrets = {
  AWS_SECRET_ACCESS_KEY: random("aws"),
  GITHUB_TOKEN: random("ghp"),
  SSH_PASSWORD: random("pw"),
  DB_PASSWORD: random("dbpw"),
  PORTWRIGHT_UNRELATED: random("own"),
  literal: random("yaml"),
  kubeconfig: random("kube"),
  header: random("bearer"),
};
/** Said by servers: may be shown, marked as untrusted. */
const said = random("outside");

// oxlint-disable-next-line no-control-regex -- they are what must not be there
const obeyed = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200B\u202A-\u202E\u2066-\u2069]/;

let home: Home;
let paths: PortwrightPaths;
let far: EchoBehindBastion;
let hostile: HostileServers;
let client: McpClient;
let env: Record<string, string>;
const services = [
  "good",
  "password",
  "literal",
  "redis",
  "postgres",
  "http",
  "redirect",
  "ssh",
  "system",
  "not-ssh",
  "cluster",
  "plugin",
];

function configuration(): string {
  const { ports } = hostile;
  const known = `known_hosts_file: ${join(home.path, "known_hosts")}`;
  const bastion = `{host: 127.0.0.1, port: ${far.ssh.port}, user: dev, key_file: ${join(home.path, "id")}, ${known}}`;
  const through = (name: string, check: string): string =>
    `  - {name: ${name}, technology: ssh, remote_port: ${ports[name]}, connection: ${bastion}, health_check: ${check}}\n`;
  const login = (name: string, port: number | undefined, more: string): string =>
    `  - {name: ${name}, technology: ssh, remote_port: 1, connection: {host: 127.0.0.1, port: ${port}, user: dev, ${known}, ${more}}, health_check: {type: tcp}}\n`;
  const cluster = (name: string): string =>
    `  - {name: ${name}, technology: kubernetes, remote_port: 80, connection: {context: ${name}, resource_name: web}}\n`;
  return `services:
  - name: good
${far.declaration("    ", [`exports: {GOOD_URL: "tcp://\${host}:\${port}"}`])}${login("password", ports["ssh"], 'password: "${env:SSH_PASSWORD}"')}${login("literal", ports["ssh"], `password: ${secrets.literal}`)}${through("redis", '{type: redis, config: {password: "${env:DB_PASSWORD}"}}')}${through("postgres", '{type: postgres, config: {user: app, password: "${env:DB_PASSWORD}"}}')}${through("http", `{type: http, config: {path: /, headers: {Authorization: "Bearer ${secrets.header}"}}}`)}${through("redirect", "{type: http, config: {path: /}}")}${login("ssh", ports["ssh"], "password: x")}${login("system", ports["ssh"], 'driver: openssh, password: "${env:SSH_PASSWORD}"')}${login("not-ssh", ports["notSsh"], "password: x")}${cluster("cluster")}${cluster("plugin")}`;
}

const kubeconfig = (): string => `apiVersion: v1
clusters: [{name: c, cluster: {server: "https://127.0.0.1:${hostile.ports["http"]}"}}, {name: h, cluster: {server: "http://127.0.0.1:${hostile.ports["http"]}"}}]
users:
  - {name: token, user: {token: ${secrets.kubeconfig}}}
  - {name: plugin, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ${join(home.path, "plugin")}, interactiveMode: Never, env: [{name: PLUGIN_SECRET, value: ${secrets.kubeconfig}}]}}}
contexts: [{name: cluster, context: {cluster: h, user: token}}, {name: plugin, context: {cluster: c, user: plugin}}]
`;

beforeAll(async () => {
  home = await makeHome();
  paths = portwrightPaths(home.env, home.path);
  far = await startEchoBehindBastion(home.path);
  hostile = await startHostileServers(said);
  await writeFile(join(home.path, "known_hosts"), [...far.ssh.knownHosts, ...hostile.knownHosts, ""].join("\n"));
  await writeFile(join(home.path, "plugin"), `#!/bin/sh\nprintf '${said} \\033[2J\\342\\200\\256' >&2\nexit 1\n`, {
    mode: 0o700,
  });
  await writeFile(join(home.path, "kubeconfig"), kubeconfig());
  await home.configure(configuration());
  const { literal: _literal, kubeconfig: _kubeconfig, header: _header, ...variables } = secrets;
  env = { ...variables, KUBECONFIG: join(home.path, "kubeconfig") };
  if (!connect) throw new Error("no client");
  client = await connect(home.mcp(env), { clientName: `client ${sting}` });
});
afterAll(async () => {
  await client.close();
  await home[Symbol.asyncDispose]();
  await hostile[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

/** Every answer that the tools, resources and prompts give about these services. */
let answers: { readonly what: string; readonly answer: Facts; readonly text: string }[] = [];
const calls: readonly (readonly [string, Record<string, unknown>])[] = [
  ["start_environment", {}],
  ["get_status", { include: ["env", "flaky", "metadata", "workspaces"] }],
  ...services.flatMap((service): [string, Record<string, unknown>][] => [
    ["diagnose", { service, detail: "full" }],
    ["probe", { service }],
    ["control_service", { service, action: "restart" }],
    ["wait_for", { service, state: "ready", timeout_s: 1 }],
  ]),
  ["diagnose", {}],
  ...["logs", "link_logs", "events", "health", "connections", "audit"].map(
    (source): [string, Record<string, unknown>] => ["query", { source, limit: 200 }],
  ),
  ["stop_environment", { services: ["http"] }],
  ["get_status", { services: ["yaml"] }],
];

test("every kind of answer is had, and the hostile servers were heard", async () => {
  for (const [tool, args] of calls) {
    const { answer, text } = await client.callTool(tool, args);
    answers.push({ what: `${tool} ${JSON.stringify(args)}`, answer, text });
  }
  for (const uri of ["portwright://status", ...services.map((name) => `portwright://services/${name}`)]) {
    answers.push({ what: uri, answer: await client.readResource(uri), text: "" });
  }
  const prompt = await client.getPrompt("why_is_it_failing", { service: "redis" });
  answers.push({ what: "prompt", answer: {}, text: prompt });
  const [started] = answers;
  const states = ((started?.answer["services"] ?? []) as Facts[]).map((row) => [
    row["service"],
    row["state"],
    row["code"],
  ]);
  expect(states[0]?.slice(0, 2)).toEqual(["good", "ready"]);
  // A redirect to another place is an answer; it is not followed there.
  expect(states.slice(1).flatMap(([name, state]) => (state === "ready" ? [name] : []))).toEqual(["redirect"]);
  const everything = JSON.stringify(answers);
  for (const name of ["redis", "postgres", "http", "not-ssh", "plugin"]) {
    const about = answers.filter(({ what }) => what.includes(`"service":"${name}"`));
    expect([name, JSON.stringify(about).includes(said)]).toEqual([name, true]);
  }
  expect(everything.length).toBeGreaterThan(10_000);
}, 120_000);

describe("what an AI client is told", () => {
  test("[no-secret-in-answers] holds no secret", () => {
    for (const { what, ...told } of answers) {
      for (const [name, secret] of Object.entries(secrets)) {
        expect([what, name, JSON.stringify(told).includes(secret)]).toEqual([what, name, false]);
      }
    }
  });

  test("[untrusted-only] holds text from outside only under untrusted, and in fences", () => {
    for (const { what, answer, text } of answers) {
      expect([what, JSON.stringify(withoutUntrusted(answer)).includes(said)]).toEqual([what, false]);
      const open = what === "prompt" ? [] : text.split("\n").filter((line) => !line.startsWith("| "));
      expect([what, open.join("\n").includes(said)]).toEqual([what, false]);
    }
  });

  test("holds nothing that a terminal obeys or that hides text", () => {
    for (const { what, answer, text } of answers) {
      expect([what, obeyed.exec(text)?.[0], findObeyed(answer)]).toEqual([what, undefined, undefined]);
    }
  });
});

describe("what the command line prints", () => {
  test.each([
    ["up"],
    ["status"],
    ["status", "--output", "table"],
    ["status", "--output", "json"],
    ["status", "--output", "yaml"],
    ...services.slice(3).map((name) => ["diagnose", name, "--full", "--output", "table"]),
    ["diagnose", "redis", "--output", "yaml"],
    ["call", "diagnose", '{"service": "redis", "detail": "full"}'],
    ["config", "validate"],
    ["daemon", "status"],
    ["daemon", "logs"],
  ])("%j", async (...words) => {
    const { stdout, stderr } = await home.cli(words, env);
    expect(obeyed.exec(stdout + stderr)?.[0]).toBeUndefined();
    for (const [name, secret] of Object.entries(secrets)) {
      expect([name, (stdout + stderr).includes(secret)]).toEqual([name, false]);
    }
  });
});

describe("what is kept", () => {
  test("[private-files] is open to this user alone", async () => {
    const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
    expect(await mode(paths.socketFile)).toBe("600");
    expect(await mode(dirname(paths.socketFile))).toBe("700");
    expect(await mode(paths.stateDir)).toBe("700");
    const files = [paths.logFile, paths.databaseFile, paths.lockFile, `${paths.databaseFile}-wal`].filter(existsSync);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) expect([file, await mode(file)]).toEqual([file, "600"]);
  });

  test("[no-secret-kept] neither log nor database nor any file of the state holds a secret", async () => {
    const files = await readdir(paths.stateDir, { recursive: true, withFileTypes: true });
    const kept = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(kept).toEqual(expect.arrayContaining([paths.logFile, paths.databaseFile]));
    for (const path of kept) {
      const bytes = await readFile(path);
      for (const [name, secret] of Object.entries(secrets)) {
        expect([path, name, bytes.includes(secret)]).toEqual([path, name, false]);
      }
    }
  });

  test.skipIf(process.platform !== "linux")(
    "[no-secret-in-process] nor the environment or the arguments of the daemon (Linux only: /proc)",
    async () => {
      const pid = await home.daemonPid();
      for (const file of ["environ", "cmdline"]) {
        const bytes = await readFile(`/proc/${pid}/${file}`);
        for (const [name, secret] of Object.entries(secrets)) {
          expect([file, name, bytes.includes(secret)]).toEqual([file, name, false]);
        }
      }
    },
  );

  test("and the shim says nothing of its own", () => expect(client.stderr()).toBe(""));
});

/** A copy without what stands under `untrusted`. */
function withoutUntrusted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUntrusted);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== "untrusted");
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutUntrusted(item)]));
}

function findObeyed(value: unknown): string | undefined {
  if (typeof value === "string") return obeyed.test(value) ? JSON.stringify(value) : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const item of Object.values(value)) {
    const found = findObeyed(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
