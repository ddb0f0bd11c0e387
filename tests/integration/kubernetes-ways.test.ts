import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Access } from "#application/ports/access.ts";
import type { Route } from "#application/ports/route.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { createKubernetes, type KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import { httpConnect } from "#adapters/net/http-connect.ts";
import { ApiServer } from "../support/api-server.ts";
import { accessWith, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { httpProxy, plainRoute, socks5Proxy, type TestProxy } from "../support/proxies.ts";
import { serverCertificate } from "../support/test-certificates.ts";

const service = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, 80);
const signal = AbortSignal.timeout(60_000);

describe("[kubernetes-ways] ways to an API server that are not straight", () => {
  let folder: string;
  let adapter: KubernetesAdapter;
  let server: ApiServer;
  const proxies: TestProxy[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    adapter = createKubernetes(realClock);
    server = await ApiServer.start();
    server.putPod("web-0");
  });
  afterEach(async () => {
    await adapter.driver.close();
    for (const proxy of proxies.splice(0)) await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function kept(proxy: Promise<TestProxy>): Promise<TestProxy> {
    proxies.push(await proxy);
    return proxy;
  }

  async function accessTo(cluster: Record<string, unknown>, environment: Record<string, string> = {}): Promise<Access> {
    const file = join(folder, "config");
    await writeFile(file, server.kubeconfig(undefined, cluster));
    return accessWith({ KUBECONFIG: file, ...environment }, folder);
  }

  const port = (): string => new URL(server.url).port;
  /** As somebody outside would write it: only the proxy finds it. */
  const named = () => ({ server: `https://cluster.test:${port()}`, "tls-server-name": "localhost" });

  async function exchange(access: Access, route?: Route): Promise<string> {
    const transport = await adapter.driver.open(service, { access, signal, ...(route && { route }) });
    const stream = await transport.connect({ signal });
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.destroy();
    await closed;
    const { via } = transport;
    transport.destroy();
    return via;
  }

  async function failure(access: Access, route?: Route): Promise<ConnectivityError> {
    const thrown: unknown = await exchange(access, route).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ConnectivityError);
    return thrown as ConnectivityError;
  }

  test("requests, watches and tunnels all go through an HTTP proxy of the kubeconfig, with its login", async () => {
    const proxy = await kept(httpProxy({ login: "me@home:s3 cret" }));
    const access = await accessTo({ ...named(), "proxy-url": `http://me%40home:s3%20cret@127.0.0.1:${proxy.port}` });
    expect(await exchange(access)).toBe("pod web-0");
    expect(new Set(proxy.asked)).toEqual(new Set([`cluster.test:${port()}`]));
    // The review, the watch and the tunnel each hold a connection or shared one of them.
    expect(server.requests.some((request) => request.startsWith("UPGRADE"))).toBe(true);
  });

  test("a proxy behind TLS is checked by the cluster's authority, as kubectl does", async () => {
    const proxy = await kept(httpProxy({ certificate: serverCertificate }));
    const access = await accessTo({ ...named(), "proxy-url": `https://localhost:${proxy.port}` });
    expect(await exchange(access)).toBe("pod web-0");
    const strange = await accessTo({
      ...named(),
      "certificate-authority-data": undefined,
      "proxy-url": `https://localhost:${proxy.port}`,
    });
    expect((await failure(strange)).facts).toMatchObject({ named_by: "proxy-url" });
  });

  test.each([
    ["a name", "cluster.test", "cluster.test", undefined],
    ["an address", "127.0.0.1", "127.0.0.1", "user:pass"],
    ["an IPv6 address", "[2001:db8::7:0:1]", "20010db8000000000000000700000001", undefined],
  ])("a SOCKS5 proxy is given %s", async (_what, host, asked, login) => {
    const proxy = await kept(socks5Proxy(login === undefined ? {} : { login }));
    const access = await accessTo({
      server: `https://${host}:${port()}`,
      "tls-server-name": "localhost",
      "proxy-url": `socks5://${login === undefined ? "" : `${login}@`}127.0.0.1:${proxy.port}`,
    });
    expect(await exchange(access)).toBe("pod web-0");
    expect(proxy.asked[0]).toBe(`${asked}:${port()}`);
  });

  test("the environment's proxy counts where the kubeconfig names none, unless NO_PROXY excepts the server", async () => {
    const proxy = await kept(httpProxy());
    const environment = { HTTPS_PROXY: `127.0.0.1:${proxy.port}`, NO_PROXY: "elsewhere.test" };
    expect(await exchange(await accessTo(named(), environment))).toBe("pod web-0");
    expect(proxy.asked.length).toBeGreaterThan(0);
    const excepted = await failure(await accessTo(named(), { ...environment, NO_PROXY: ".test" }));
    expect(excepted.code).toBe("cluster_unreachable");
  });

  test.each([
    ["wants a login", () => httpProxy({ login: "a:b" }), "http", { reason: "login" }],
    ["forbids it", () => httpProxy({ refuse: 403 }), "http", { reason: "status_403" }],
    ["wants a login (SOCKS5)", () => socks5Proxy({ login: "a:b" }), "socks5", { reason: "login" }],
    ["forbids it (SOCKS5)", () => socks5Proxy({ refuse: 2 }), "socks5", { reason: "forbidden" }],
    ["is no SOCKS5 proxy", () => httpProxy(), "socks5", {}],
    ["is no HTTP proxy", () => socks5Proxy(), "http", {}],
  ])("a proxy that %s is told so, and its password is in no fact", async (_what, make, scheme, facts) => {
    const proxy = await kept(make());
    const user = scheme === "http" && _what.includes("wants") ? "" : "x:hidden-word@";
    const error = await failure(
      await accessTo({ ...named(), "proxy-url": `${scheme}://${user}127.0.0.1:${proxy.port}` }),
    );
    expect(error.code).toBe("proxy_refused");
    expect(error.facts).toMatchObject({
      ...facts,
      proxy: `${scheme}://127.0.0.1:${proxy.port}`,
      named_by: "proxy-url",
    });
    expect(JSON.stringify([error.message, error.facts])).not.toContain("hidden-word");
  });

  test("a proxy that is not there, and one that is no proxy's URL", async () => {
    const proxy = await httpProxy();
    await proxy[Symbol.asyncDispose]();
    const error = await failure(await accessTo({ ...named(), "proxy-url": `http://127.0.0.1:${proxy.port}` }));
    expect([error.code, error.facts["reason"]]).toEqual(["cluster_unreachable", "ECONNREFUSED"]);
    expect((await failure(await accessTo({ ...named(), "proxy-url": "ftp://x" }))).code).toBe("kubeconfig_invalid");
  });

  test("an answer without end is given up", async () => {
    const [connection, proxy] = duplexPair();
    const asking = httpConnect(connection, { host: "a", port: 1 }, undefined, signal);
    proxy.write("x".repeat(20_000));
    await expect(asking).rejects.toMatchObject({ code: "protocol_mismatch" });
  });

  test("through hops the server is reached by the route, and the environment's proxy does not count", async () => {
    const route = plainRoute();
    const access = await accessTo(named(), { HTTPS_PROXY: "http://127.0.0.1:1" });
    expect(await exchange(access, route)).toBe("test hop → pod web-0");
    expect(new Set(route.asked)).toEqual(new Set([`cluster.test:${port()}`]));
    // Without it nothing of what it opened is used.
    expect((await failure(await accessTo(named()))).code).toBe("cluster_unreachable");
  });

  test("through hops a proxy of the kubeconfig is reached by the route", async () => {
    const proxy = await kept(socks5Proxy());
    const route = plainRoute();
    const access = await accessTo({ ...named(), "proxy-url": `socks5://proxy.test:${proxy.port}` });
    expect(await exchange(access, route)).toBe("test hop → pod web-0");
    expect(new Set(route.asked)).toEqual(new Set([`proxy.test:${proxy.port}`]));
    expect(new Set(proxy.asked)).toEqual(new Set([`cluster.test:${port()}`]));
  });

  test("a hop that cannot reach the server is about the cluster; what fails in the hop itself stays the hop's", async () => {
    const access = await accessTo(named());
    const failing = (code: "target_unreachable" | "ssh_jump_failed"): Route => ({
      ...plainRoute(code),
      connect: () => Promise.reject(new ConnectivityError(code, "said by the hop", { hop: "b" })),
    });
    const target = await failure(access, failing("target_unreachable"));
    expect([target.code, target.facts["via"]]).toEqual(["cluster_unreachable", "test target_unreachable"]);
    expect((await failure(access, failing("ssh_jump_failed"))).code).toBe("ssh_jump_failed");
  });
});
