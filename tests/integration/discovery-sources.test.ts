import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseQuery } from "#domain/discovery/query.ts";
import type { TargetSearch, TargetSource } from "#application/ports/target-source.ts";
import { createComposeSource } from "#adapters/compose/compose-source.ts";
import { createKubernetes } from "#adapters/kubernetes/index.ts";
import { createSshSource } from "#adapters/ssh/ssh-source.ts";
import { createLocalSource } from "#adapters/system/local-source.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, realClock } from "../support/kubernetes-access.ts";

const signal = AbortSignal.timeout(60_000);

describe("[discover-targets] where targets are found", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-discovery-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const search = (more: Partial<TargetSearch> = {}): TargetSearch => ({
    query: undefined,
    context: undefined,
    namespace: undefined,
    folder,
    ...more,
  });
  const find = (source: TargetSource, environment: Record<string, string> = {}, more: Partial<TargetSearch> = {}) =>
    source.find(search(more), { access: accessWith(environment, folder), signal });

  test("compose files of a folder, with what an override adds; ports that are not fixed are left out", async () => {
    const source = createComposeSource();
    expect(await find(source)).toEqual({ targets: [], unreadable: [] });
    await writeFile(
      join(folder, "docker-compose.yml"),
      `services:
  db: {image: "postgres:16", ports: ["127.0.0.1:15432:5432", "6000/udp", 7000, "8000-8001:80", "\${PORT}:1"]}
  web: {ports: [{target: 80, published: "8080"}, {target: 53, published: 53, protocol: udp}]}
  none: null
  "bad name": {ports: ["1:1"]}
`,
    );
    await writeFile(
      join(folder, "docker-compose.override.yml"),
      "services: {cache: {image: redis, ports: ['6380:6379']}}",
    );
    const { targets } = await find(source);
    expect(targets.map(({ target, protocol }) => [target, protocol])).toEqual([
      ["compose/db:15432", "postgres"],
      ["compose/web:8080", "http"],
      ["compose/cache:6380", "redis"],
    ]);
    for (const broken of ["a: [", "services: 7", " ".repeat(1_100_000)]) {
      await writeFile(join(folder, "compose.yaml"), broken);
      expect((await find(source)).unreadable[0]).toMatchObject({ what: "compose.yaml", code: "config_invalid" });
    }
  });

  test("hosts of ~/.ssh/config with what it includes, and of known_hosts where they are readable", async () => {
    await mkdir(join(folder, ".ssh", "more"), { recursive: true });
    await writeFile(
      join(folder, ".ssh", "config"),
      'Include more/*\nHost bastion jump-1 *.wild !not\n  HostName 10.0.0.1\nHost "two words"\nInclude config\n',
    );
    await writeFile(join(folder, ".ssh", "more", "a"), "Host inner\n");
    const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJhc3Rpb25iYXN0aW9uYmFzdGlvbmJhc3Rpb25iYXN0aW9u";
    await writeFile(
      join(folder, ".ssh", "known_hosts"),
      `known.example,10.1.1.1 ${key}\n[other.example]:2222 ${key}\n|1|abc=|def= ${key}\n@revoked bad.example ${key}\n`,
    );
    const { targets, unreadable } = await find(createSshSource());
    expect(targets.map(({ target }) => target)).toEqual([
      "ssh/inner",
      "ssh/bastion",
      "ssh/jump-1",
      "ssh/known.example",
      "ssh/10.1.1.1",
    ]);
    expect(unreadable).toEqual([]);
    await rm(join(folder, ".ssh", "config"));
    await mkdir(join(folder, ".ssh", "config"));
    expect((await find(createSshSource())).unreadable).toMatchObject([{ what: "~/.ssh/config" }]);
  });

  test("what listens on this machine, with its program", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { targets } = await find(createLocalSource());
    expect(targets.find((target) => target.port === port)).toMatchObject({
      target: `127.0.0.1:${port}`,
      kind: "local",
      detail: { pid: process.pid },
    });
    server.close();
    expect((await find(createLocalSource("darwin"))).unreadable).toHaveLength(1);
  });

  describe("in clusters", () => {
    const servers: ApiServer[] = [];
    afterEach(async () => {
      for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
    });

    async function start(options = {}): Promise<ApiServer> {
      const server = await ApiServer.start(options);
      servers.push(server);
      server.put("services", {
        metadata: { name: "web", namespace: "default" },
        spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
      });
      server.putPod("web-0");
      return server;
    }

    /** One kubeconfig with a context for each server. */
    async function kubeconfig(named: Readonly<Record<string, { server: ApiServer; user?: unknown }>>): Promise<string> {
      const file = join(folder, "config");
      const all = Object.entries(named).map(([name, { server, user = { token: "good" } }]) => {
        const { clusters } = JSON.parse(server.kubeconfig()) as { clusters: [{ cluster: unknown }] };
        return { name, cluster: clusters[0].cluster, user };
      });
      await writeFile(
        file,
        JSON.stringify({
          "current-context": all[0]?.name,
          contexts: all.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
          clusters: all.map(({ name, cluster }) => ({ name, cluster })),
          users: all.map(({ name, user }) => ({ name, user })),
        }),
      );
      return file;
    }

    test("services and pods with readiness; a context that does not answer, or refuses, is told once", async () => {
      const here = await start();
      const refusing = await start({ tokens: new Set(["other"]) });
      const gone = await start();
      const file = await kubeconfig({ here: { server: here }, refusing: { server: refusing }, gone: { server: gone } });
      await gone.cut();
      const adapter = createKubernetes(realClock);
      const found = await find(adapter.targets, { KUBECONFIG: file });
      expect(found.targets.map(({ target, pods }) => [target, pods])).toEqual([
        ["here/default/service/web:80", "1 of 1"],
        ["here/default/pod/web-0:8080", "1 of 1"],
      ]);
      expect(found.unreadable.map(({ what, code }) => `${what}: ${code}`).toSorted()).toEqual([
        "context gone: cluster_unreachable",
        "context refusing: credentials_rejected",
      ]);
      expect(found.places?.[0]).toMatchObject({ context: "here", current: true, namespaces: ["default"] });
      await adapter.driver.close();
    });

    test("a login that runs a program is not run for a context that nobody named", async () => {
      const server = await start();
      const exec = { exec: { apiVersion: "client.authentication.k8s.io/v1", command: "/nonexistent/login" } };
      const file = await kubeconfig({ here: { server }, cloud: { server, user: exec } });
      const adapter = createKubernetes(realClock);
      const passed = await find(adapter.targets, { KUBECONFIG: file });
      expect(passed.unreadable).toMatchObject([{ what: "context cloud", code: "not_supported" }]);
      for (const more of [{ context: "cloud" }, { query: parseQuery("web in cloud") }]) {
        const named = await find(adapter.targets, { KUBECONFIG: file }, more);
        expect(named.unreadable).toMatchObject([{ what: "context cloud", code: "credential_plugin_missing" }]);
      }
      expect((await find(adapter.targets, { KUBECONFIG: file }, { context: "nowhere" })).unreadable).toMatchObject([
        { code: "context_missing" },
      ]);
      expect((await find(adapter.targets, {})).unreadable).toMatchObject([
        { what: "the kubeconfig", code: "kubeconfig_missing" },
      ]);
      await adapter.driver.close();
    });
  });
});
