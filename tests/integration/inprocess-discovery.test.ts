import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiServer } from "../support/api-server.ts";
import { startRealDaemon } from "../support/real-daemon.ts";
import { Sandbox } from "../support/processes.ts";
import { startRespServer, type RespServer } from "../support/resp-server.ts";
import { runCli, type CliRun } from "../support/run-cli.ts";

/** The whole product in this process, from the command line to the four places where targets are found. */
describe("discovery in the real composition", () => {
  let sandbox: Sandbox;
  let project: string;
  let cache: RespServer;
  let cluster: ApiServer;
  let daemon: Awaited<ReturnType<typeof startRealDaemon>>;

  beforeEach(async () => {
    sandbox = new Sandbox();
    project = join(sandbox.home, "project");
    mkdirSync(project);
    cache = await startRespServer();
    cluster = await ApiServer.start();
    cluster.put("services", {
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
    });
    cluster.putPod("web-0");
    await writeFile(join(project, "compose.yaml"), `services: {cache: {image: redis, ports: ["${cache.port}:6379"]}}`);
    await writeFile(join(project, "kubeconfig"), cluster.kubeconfig());
    await mkdir(join(sandbox.home, ".ssh"));
    writeFileSync(join(sandbox.home, ".ssh", "config"), "Host bastion\n");
    daemon = await startRealDaemon(sandbox);
  });
  afterEach(async () => {
    await daemon[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    await sandbox[Symbol.asyncDispose]();
  });

  const cli = (...words: string[]): Promise<CliRun> =>
    runCli(sandbox, words, { cwd: project, env: { KUBECONFIG: join(project, "kubeconfig") } });

  test("[discover-targets] portwright discover finds in clusters, SSH, listeners and compose files", async () => {
    const all = JSON.parse((await cli("discover", "--limit", "100", "--output", "json")).stdout) as {
      targets: { target: string }[];
    };
    const found = all.targets.map(({ target }) => target);
    expect(found).toEqual(
      expect.arrayContaining(["test/default/service/web:80", "ssh/bastion", `compose/cache:${cache.port}`]),
    );
    expect((await cli("discover", "--kind", "local", "--limit", "1")).stdout).toContain("127.0.0.1:");
    const table = await cli("discover", "web", "in", "default");
    expect(table.stdout).toContain("test/default/service/web:80");
    expect(table.code).toBe(0);
    expect((await cli("discover", "--kind", "ssh")).stdout).toContain("ssh/bastion");
    expect((await cli("discover", "--context", "nowhere")).stdout).toContain("not read: context nowhere");
  });

  test("[connect] portwright connect reaches what listens here, and says what fits when several do", async () => {
    const one = await cli("connect", `compose/cache:${cache.port}`);
    expect(one).toMatchObject({ code: 0 });
    expect(one.stdout).toContain("REDIS_URL");
    for (const name of ["shop-a", "shop-b"])
      cluster.put("services", {
        metadata: { name, namespace: "default" },
        spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80 }] },
      });
    const several = await cli("connect", "shop", "--port", "80");
    expect(several.code).toBe(1);
    expect(several.stdout).toContain("test/default/service/shop-b:80");
  });

  test("[cluster-metadata] portwright status --include metadata says which cluster it is", async () => {
    await writeFile(
      join(project, "portwright.yaml"),
      `version: "1.0"\nservices:\n  - {name: web, technology: kubernetes, remote_port: 80, connection: {resource_name: web}}\n`,
    );
    const status = await cli("status", "--include", "metadata");
    expect(status.stdout).toContain("cluster test: v1.34.0");
  });
});
