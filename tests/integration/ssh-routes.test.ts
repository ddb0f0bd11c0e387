import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSshDriver } from "#adapters/ssh/index.ts";
import { composeRoute } from "#application/engine/routes.ts";
import type { ForwardDriver, Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { serviceSchema, type ServiceSpec } from "#domain/spec/service.ts";
import { startEcho } from "../contract/forward-driver-targets.ts";
import { createDirectDriver } from "../support/direct-driver.ts";
import { eventually } from "../support/eventually.ts";
import { sshHome, type SshHome } from "../support/ssh-client.ts";
import { newKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

const never = (): AbortSignal => new AbortController().signal;

let home: SshHome;
let driver: ForwardDriver;
let servers: SshServer[];
let echoPort: number;
const scope: AsyncDisposable[] = [];
const direct = createDirectDriver();
const services = new Map<string, ServiceSpec>();

/** Three servers, each with a key of its own and each known by its name; `~/.ssh/config` has their ports. */
beforeEach(async () => {
  home = await sshHome();
  driver = createSshDriver({
    limits: { handshakeMs: 1500, loginMs: 1500, keepaliveMs: 200, keepaliveCount: 2 },
    lingerMs: 100,
  });
  servers = [];
  const config: string[] = [];
  const known: string[] = [];
  for (const name of ["one", "two", "three"]) {
    const key = newKey();
    const server = await startSshServer({ authorizedKeys: [key.public] });
    servers.push(server);
    scope.push(server);
    const file = await home.write(`id_${name}`, key.private);
    config.push(`Host ${name}`, "HostName 127.0.0.1", `Port ${server.port}`, `IdentityFile ${file}`);
    known.push(...server.knownHosts);
  }
  await home.write("config", config.join("\n"));
  await home.write("known_hosts", known.join("\n"));
  const echo = await startEcho();
  scope.push(echo);
  echoPort = echo.port;
});
afterEach(async () => {
  await driver.close();
  services.clear();
  for (const resource of scope.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

function service(name: string, keys: Record<string, unknown>): ServiceSpec {
  const spec = serviceSchema.parse({ name, technology: "ssh", remote_port: echoPort, ...keys });
  services.set(name, spec);
  return spec;
}

const echoBehind = (host: string, via: readonly string[]): ServiceSpec =>
  service("echo", { connection: { host, remote_host: "127.0.0.1" }, via });

const route = (spec: ServiceSpec) =>
  composeRoute(spec, {
    access: home.access,
    service: (name) => services.get(name),
    driver: (technology) => Promise.resolve(technology === "ssh" ? driver : direct),
  });

async function open(spec: ServiceSpec): Promise<Transport> {
  const through = await route(spec);
  return driver.open(spec, { signal: never(), access: home.access, ...(through && { route: through }) });
}

async function echoes(transport: Transport): Promise<void> {
  const stream = await transport.connect({ signal: never() });
  stream.write("hello");
  const [answer] = (await once(stream, "data")) as [Buffer];
  expect(String(answer)).toBe("hello");
  stream.destroy();
}

const failure = (work: Promise<unknown>): Promise<ConnectivityError> =>
  work.then(
    () => expect.unreachable("it should have failed"),
    (error: unknown) => error as ConnectivityError,
  );

describe("a route of SSH hops", () => {
  test("[ssh-routes] three hops, each verified and logged in to with its own key", async () => {
    const transport = await open(echoBehind("three", ["one", "two"]));
    expect(transport.via).toBe("ssh one → ssh two → ssh three");
    await echoes(transport);
    expect(servers.map(({ logins }) => logins)).toEqual([1, 1, 1]);
  });

  test("services with the same route share every connection on it", async () => {
    const transports = await Promise.all([1, 2, 3].map(() => open(echoBehind("three", ["one", "two"]))));
    for (const transport of transports) await echoes(transport);
    await echoes(await open(echoBehind("two", ["one"])));
    expect(servers.map(({ logins }) => logins)).toEqual([1, 1, 1]);
    // The same server without the hop is another connection.
    await echoes(await open(echoBehind("two", [])));
    expect(servers.map(({ logins }) => logins)).toEqual([1, 2, 1]);
  });

  test("[ssh-jump-failed] a hop that is gone is named, however far out it is", async () => {
    await servers[1]?.[Symbol.asyncDispose]();
    const error = await failure(open(echoBehind("three", ["one", "two"])));
    expect(error).toMatchObject({
      code: "ssh_jump_failed",
      facts: { hop: "two", because: "host_unreachable", through: "ssh one" },
    });
    await servers[0]?.[Symbol.asyncDispose]();
    expect(await failure(open(echoBehind("three", ["one", "two"])))).toMatchObject({
      code: "ssh_jump_failed",
      facts: { hop: "one", because: "host_unreachable", errno: "ECONNREFUSED" },
    });
  });

  test("the service's own server that is gone is no hop's fault", async () => {
    await servers[2]?.[Symbol.asyncDispose]();
    expect(await failure(open(echoBehind("three", ["one", "two"])))).toMatchObject({
      code: "host_unreachable",
      facts: { through: "ssh one → ssh two", port: servers[2]?.port },
    });
  });

  test("a hop whose key is not known, or that takes no login, keeps its code and is named", async () => {
    await home.write("id_two", newKey().private);
    expect(await failure(open(echoBehind("three", ["one", "two"])))).toMatchObject({
      code: "ssh_authentication_failed",
      facts: { hop: "two" },
    });
    await home.write("known_hosts", servers[0]?.knownHosts.join("\n") ?? "");
    expect(await failure(open(echoBehind("three", ["one", "two"])))).toMatchObject({
      code: "host_key_unknown",
      facts: { hop: "two", port: servers[1]?.port },
    });
  });

  test("a hop that may not forward keeps its code", async () => {
    (servers[0] as SshServer).forwarding = 1;
    expect((await failure(open(echoBehind("two", ["one"])))).code).toBe("ssh_forwarding_prohibited");
  });

  test("a hop that is lost ends what goes through it, and the whole way is dialled anew", async () => {
    const spec = echoBehind("three", ["one", "two"]);
    const transport = await open(spec);
    const stream = await transport.connect({ signal: never() });
    const lost = new Promise((resolve) => stream.once("close", resolve));
    servers[1]?.cut();
    expect(await transport.closed).toMatchObject({ code: "connection_lost" });
    await lost;
    await echoes(await open(spec));
    expect(servers.map(({ logins }) => logins)).toEqual([1, 2, 2]);
  });

  test("a hop that never answers for the next host does not hold the dial", async () => {
    (servers[0] as SshServer).forwarding = "never";
    expect(await failure(open(echoBehind("two", ["one"])))).toMatchObject({
      code: "host_unreachable",
      facts: { errno: "ETIMEDOUT" },
    });
  });
});

describe("hops of ~/.ssh/config", () => {
  const configured = async (...lines: string[]): Promise<void> => {
    const config = await readFile(`${home.dir}/.ssh/config`, "utf8");
    await home.write("config", `${lines.join("\n")}\n${config}`);
  };

  test("[ssh-proxy-jump] ProxyJump, and the first hop's own before it", async () => {
    await configured("Host three", "ProxyJump two", "Host two", "ProxyJump one");
    const transport = await open(echoBehind("three", []));
    expect(transport.via).toBe("ssh one → ssh two → ssh three");
    await echoes(transport);
    // The same connections as by `via`.
    await echoes(await open(echoBehind("three", ["one", "two"])));
    expect(servers.map(({ logins }) => logins)).toEqual([1, 1, 1]);
  });

  test("`via` wins, and a circle is refused", async () => {
    await configured("Host three", "ProxyJump nowhere.invalid", "Host one two", "ProxyJump two,one");
    expect(await failure(open(echoBehind("three", ["two"])))).toMatchObject({ code: "config_invalid" });
    await configured("Host two", "ProxyJump none");
    expect((await open(echoBehind("three", ["two"]))).via).toBe("ssh two → ssh three");
  });

  test("[ssh-proxy-command] ProxyCommand, one program without a shell, that ends with the connection", async () => {
    const pipe = await home.write(
      "pipe.cjs",
      `const socket = require("node:net").connect(Number(process.argv[3]), process.argv[2]);
       process.stdin.pipe(socket).pipe(process.stdout);
       require("node:fs").writeFileSync(__dirname + "/pid", String(process.pid));`,
    );
    await configured("Host one", `ProxyCommand exec ${process.execPath} '${pipe}' %h %p`);
    const transport = await open(echoBehind("one", []));
    expect(transport.via).toBe(`program ${process.execPath} → ssh one`);
    await echoes(transport);
    const pid = Number(await readFile(`${home.dir}/.ssh/pid`, "utf8"));
    expect(process.kill(pid, 0)).toBe(true);
    await driver.close();
    await eventually(async () => !isAlive(pid), 5000);
  });

  test.each([
    ["a program that is not there", "/nonexistent/nc %h", "host_unreachable", { errno: "ENOENT" }, undefined],
    [
      "a program that fails",
      `${process.execPath} -e "console.error('no way');process.exit(3)"`,
      "host_unreachable",
      { exit_code: 3 },
      "no way\n",
    ],
  ])("%s", async (_, command, code, facts, untrusted) => {
    await configured("Host one", `ProxyCommand ${command}`);
    const error = await failure(open(echoBehind("one", [])));
    expect(error).toMatchObject({ code, facts });
    expect(error.untrusted).toBe(untrusted);
  });
});

describe("a service as a hop", () => {
  test("[ssh-mixed-hops] one of technology ssh is its server, with its own way before it", async () => {
    service("bastion", { connection: { host: "two" }, via: ["one"] });
    const transport = await open(echoBehind("three", ["bastion"]));
    expect(transport.via).toBe("ssh one → ssh two → ssh three");
    await echoes(transport);
  });

  test("[ssh-mixed-hops] an SSH server behind a forward of another technology", async () => {
    const port = servers[0]?.port as number;
    services.set("pod", pod(port));
    // Known by the service's name, and reached at no address at all.
    const line = servers[0]?.knownHosts[0]?.replace(/^\S+/, "pod") ?? "";
    await home.write("known_hosts", [line, ...(servers[2]?.knownHosts ?? [])].join("\n"));
    await home.write("id_ed25519", await readKey("id_one"));
    const transport = await open(echoBehind("three", ["jumper@pod"]));
    expect(transport.via).toBe("kubernetes pod → ssh pod → ssh three");
    await echoes(transport);
    await driver.close();
    expect(direct.openTransports).toBe(0);
  });

  test("a way that leads through itself", async () => {
    service("a", { connection: { host: "one" }, via: ["b"] });
    service("b", { connection: { host: "two" }, via: ["a"] });
    const error = await failure(route(services.get("a") as ServiceSpec));
    expect(error).toMatchObject({ code: "dependency_cycle", facts: { cycle: ["a", "b", "a"] } });
  });

  test.each(["", "-oProxyCommand=x", "a b", "host:0", "host:99999", "-l@host"])("%j is no hop", async (hop) => {
    expect((await failure(route({ ...echoBehind("one", []), via: [hop] }))).code).toBe("config_invalid");
  });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const readKey = (name: string): Promise<string> => readFile(`${home.dir}/.ssh/${name}`, "utf8");

const pod = (port: number): ServiceSpec =>
  serviceSchema.parse({
    name: "pod",
    technology: "kubernetes",
    remote_port: port,
    connection: { resource_type: "pod", resource_name: "bastion" },
  });
