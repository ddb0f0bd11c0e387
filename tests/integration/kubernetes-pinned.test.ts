import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Stores } from "#application/ports/stores.ts";
import { judgePin, type ClusterPin } from "#domain/kubernetes/cluster-pin.ts";
import { createKubernetes } from "#adapters/kubernetes/index.ts";
import { openStores } from "#adapters/sqlite/open-stores.ts";
import { portwrightPaths } from "#adapters/system/paths.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { Sandbox } from "../support/processes.ts";
import { runCli } from "../support/run-cli.ts";
import { expiredCertificate } from "../support/test-certificates.ts";

const service = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, 80);
const signal = AbortSignal.timeout(60_000);

describe("[kubernetes-pinned] the cluster behind a context", () => {
  let folder: string;
  let stores: Stores;
  const servers: ApiServer[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-pins-"));
    stores = openStores(join(folder, "state.db"));
  });
  afterEach(async () => {
    stores.close();
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function start(uid?: string): Promise<ApiServer> {
    const server = await ApiServer.start();
    servers.push(server);
    server.putPod("web-0");
    if (uid !== undefined) server.put("namespaces", { metadata: { name: "kube-system", uid } });
    return server;
  }

  /** A process of its own: nothing but the store is remembered from the last one. */
  async function dial(server: ApiServer): Promise<string> {
    await writeFile(join(folder, "config"), server.kubeconfig());
    const adapter = createKubernetes(realClock, { pins: stores.clusterPins });
    const access = accessWith({ KUBECONFIG: join(folder, "config") }, folder);
    const code = await codeOf(adapter.driver.open(service, { access, signal }));
    await adapter.driver.close();
    return code;
  }

  test("another uid under the same name is refused, the same one at another address is not", async () => {
    expect(await dial(await start("one"))).toBe("none");
    expect(await dial(await start("one"))).toBe("none");
    const other = await start("two");
    expect(await dial(other)).toBe("context_changed");
    expect(stores.clusterPins.forget("test")).toBe(1);
    expect(await dial(other)).toBe("none");
  });

  test("where the uid may not be read, another address is refused", async () => {
    const first = await start();
    expect(await dial(first)).toBe("none");
    expect(await dial(first)).toBe("none");
    expect(await dial(await start())).toBe("context_changed");
  });

  test("a cluster made anew behind the same address is noticed within one process too", async () => {
    const server = await start("one");
    await writeFile(join(folder, "config"), server.kubeconfig());
    let nowMs = 0;
    const clock = { ...realClock, monotonicMs: () => nowMs };
    const adapter = createKubernetes(clock);
    const access = accessWith({ KUBECONFIG: join(folder, "config") }, folder);
    const open = (): Promise<string> => codeOf(adapter.driver.open(service, { access, signal }));
    expect(await open()).toBe("none");
    server.put("namespaces", { metadata: { name: "kube-system", uid: "two" } });
    expect(await open()).toBe("none");
    nowMs = 61_000;
    expect(await open()).toBe("context_changed");
    await adapter.driver.close();
  });

  test("what decides", () => {
    const pin: ClusterPin = { server: "https://a", authority: "x", uid: "1" };
    const noUid = { server: "https://a", authority: "x" };
    expect(judgePin(undefined, pin)).toEqual({ kind: "keep" });
    expect(judgePin(pin, pin)).toEqual({ kind: "same" });
    expect(judgePin(pin, { ...pin, server: "https://b", authority: "y" })).toEqual({ kind: "keep" });
    expect(judgePin(pin, { ...pin, uid: "2" })).toEqual({ kind: "changed", by: "uid" });
    expect(judgePin(pin, noUid)).toEqual({ kind: "same" });
    expect(judgePin(noUid, pin)).toEqual({ kind: "keep" });
    expect(judgePin(noUid, { ...pin, server: "https://b" })).toEqual({ kind: "changed", by: "server" });
    expect(judgePin(pin, { ...noUid, authority: "y" })).toEqual({ kind: "changed", by: "authority" });
  });

  test("a person takes another cluster on a terminal, and only there", async () => {
    await using sandbox = new Sandbox();
    const { databaseFile } = portwrightPaths(sandbox.env, sandbox.home);
    const none = await runCli(sandbox, ["context", "accept", "test"], { person: ["accept"] });
    expect([none.code, none.stdout]).toEqual([0, expect.stringContaining("No cluster was remembered")]);
    mkdirSync(dirname(databaseFile), { recursive: true });
    const kept = openStores(databaseFile);
    kept.clusterPins.set("/a", "test", { server: "https://a", authority: expiredCertificate.cert.slice(0, 8) });
    const refused = await runCli(sandbox, ["context", "accept", "test"]);
    expect([refused.code, kept.clusterPins.get("/a", "test")?.server]).toEqual([1, "https://a"]);
    const doubted = await runCli(sandbox, ["context", "accept", "test"], { person: ["what?"] });
    expect([doubted.code, kept.clusterPins.get("/a", "test")?.server]).toEqual([1, "https://a"]);
    const taken = await runCli(sandbox, ["context", "accept", "test"], { person: ["accept"] });
    expect([taken.code, kept.clusterPins.get("/a", "test")]).toEqual([0, undefined]);
    kept.close();
    expect((await runCli(sandbox, ["context", "forget", "test"])).code).toBe(2);
  });
});
