import { chmod, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Access } from "#application/ports/access.ts";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { createKubernetes, type KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import { ApiServer, type ApiServerOptions } from "../support/api-server.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { expiredCertificate } from "../support/test-certificates.ts";

const service = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, 80);
const signal = AbortSignal.timeout(60_000);

describe("[kubernetes-credentials] kubernetes credentials against a server in this process", () => {
  let folder: string;
  let adapter: KubernetesAdapter;
  const servers: ApiServer[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    adapter = createKubernetes(realClock);
  });
  afterEach(async () => {
    await adapter.driver.close();
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function start(options: ApiServerOptions = {}): Promise<ApiServer> {
    const server = await ApiServer.start(options);
    servers.push(server);
    server.putPod("web-0");
    return server;
  }

  async function accessTo(kubeconfig: string, environment: Readonly<Record<string, string>> = {}): Promise<Access> {
    const file = join(folder, "config");
    await writeFile(file, kubeconfig);
    return accessWith({ KUBECONFIG: file, PATH: "/usr/bin:/bin", ...environment }, folder);
  }

  const open = (access: Access) => adapter.driver.open(service, { access, signal });

  async function failure(access: Access): Promise<ConnectivityError> {
    const thrown: unknown = await open(access).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ConnectivityError);
    return thrown as ConnectivityError;
  }

  /** A credential plugin as a shell script; counts its runs in `runs`. */
  async function plugin(body: string): Promise<string> {
    const path = join(folder, "plugin.sh");
    await writeFile(path, `#!/bin/sh\necho run >> ${join(folder, "runs")}\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const runs = async (): Promise<number> => (await readFile(join(folder, "runs"), "utf8")).trim().split("\n").length;
  const execUser = (command: string, more: Readonly<Record<string, unknown>> = {}) => ({
    exec: { apiVersion: "client.authentication.k8s.io/v1", command, interactiveMode: "IfAvailable", ...more },
  });
  const answer = (status: string): string =>
    `printf '%s' '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}'`;

  test("an exec plugin runs once for twenty dials at the same time, and its token is used", async () => {
    const server = await start({ tokens: new Set(["good"]) });
    const path = await plugin(`sleep 0.2\n${answer('{"token":"good"}')}`);
    const access = await accessTo(server.kubeconfig(execUser(path)));
    const transports = await Promise.all(Array.from({ length: 20 }, () => open(access)));
    expect(transports.map((transport) => transport.via)).toEqual(transports.map(() => "pod web-0"));
    expect(await runs()).toBe(1);
  });

  test("its token is renewed before its end, and once when the server refuses it", async () => {
    const tokens = new Set(["good"]);
    const server = await start({ tokens });
    const path = await plugin(
      answer(
        `{"token":"'"$(cat ${join(folder, "token")})"'","expirationTimestamp":"'"$(cat ${join(folder, "end")})"'"}`,
      ),
    );
    await writeFile(join(folder, "token"), "good");
    await writeFile(join(folder, "end"), new Date(Date.now() + 1500).toISOString());
    const access = await accessTo(server.kubeconfig(execUser(path)));
    await open(access);
    await open(access);
    expect(await runs()).toBe(1);
    await writeFile(join(folder, "end"), new Date(Date.now() + 3_600_000).toISOString());
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await open(access);
    expect(await runs()).toBe(2);
    // Revoked on the server: the next 401 runs the plugin once more.
    tokens.delete("good");
    tokens.add("better");
    await writeFile(join(folder, "token"), "better");
    await Promise.all([open(access), open(access), open(access)]);
    expect(await runs()).toBe(3);
  });

  test("the plugin gets the client's environment, its own variables and the cluster", async () => {
    const server = await start({ tokens: new Set(["good"]) });
    const out = join(folder, "seen");
    const path = await plugin(
      `printf '%s\\n' "$FROM_CLIENT" "$OWN" "$KUBERNETES_EXEC_INFO" > ${out}\n${answer('{"token":"good"}')}`,
    );
    const user = execUser(path.replace(folder, "."), { env: [{ name: "OWN", value: "2" }], provideClusterInfo: true });
    await open(await accessTo(server.kubeconfig(user), { FROM_CLIENT: "1" }));
    const [fromClient, own, info] = (await readFile(out, "utf8")).split("\n");
    expect([fromClient, own]).toEqual(["1", "2"]);
    expect(JSON.parse(info ?? "")).toMatchObject({
      kind: "ExecCredential",
      spec: { interactive: false, cluster: { server: server.url } },
    });
  });

  test("a missing plugin is named, with its install hint as text from outside", async () => {
    const server = await start();
    const user = execUser("no-such-plugin", { installHint: "install it from the shop" });
    const error = await failure(await accessTo(server.kubeconfig(user)));
    expect(error.code).toBe("credential_plugin_missing");
    expect(error.facts["command"]).toBe("no-such-plugin");
    expect(error.untrusted).toBe("install it from the shop");
  });

  test.each([
    ["fails", "echo 'login expired' >&2\nexit 7", /exit code 7/],
    ["prints no JSON", "echo hello", /no JSON/],
    ["prints nothing of use", "echo '{}'", /no credential/],
    ["answers in another version", `${answer("{}")} | sed s#io/v1#io/v1beta1#`, /another version/],
  ])("a plugin that %s is told so, and nothing of its text is ours", async (_what, body, message) => {
    const server = await start();
    const error = await failure(await accessTo(server.kubeconfig(execUser(await plugin(body)))));
    expect(error.code).toBe("credential_plugin_failed");
    expect(error.message).toMatch(message);
    expect(JSON.stringify([error.message, error.facts])).not.toContain("login expired");
  });

  test("a failing plugin's stderr is evidence, and it is not run again at once", async () => {
    const server = await start();
    const access = await accessTo(server.kubeconfig(execUser(await plugin("echo 'login expired' >&2\nexit 7"))));
    expect((await failure(access)).untrusted).toBe("login expired");
    await failure(access);
    expect(await runs()).toBe(1);
  });

  test.each([
    ["auth-provider", { "auth-provider": { name: "gcp" } }, "not_supported"],
    [
      "a plugin of a version that is gone",
      execUser("x", { apiVersion: "client.authentication.k8s.io/v1alpha1" }),
      "not_supported",
    ],
    ["a plugin that needs a terminal", execUser("sh", { interactiveMode: "Always" }), "credential_plugin_failed"],
    ["a token file that is not there", { tokenFile: "nowhere" }, "credentials_rejected"],
    ["a wrong token", { token: "wrong" }, "credentials_rejected"],
    [
      "an expired token",
      { token: `x.${Buffer.from(JSON.stringify({ exp: 1_000_000 })).toString("base64url")}.x` },
      "credentials_expired",
    ],
  ])("%s is refused", async (_what, user, code) => {
    const server = await start({ tokens: new Set(["good"]) });
    expect(await codeOf(open(await accessTo(server.kubeconfig(user))))).toBe(code);
  });

  test("a token file is read again when it is rotated", async () => {
    const tokens = new Set(["one"]);
    const server = await start({ tokens });
    const file = join(folder, "token");
    await writeFile(file, "one\n");
    const access = await accessTo(server.kubeconfig({ tokenFile: "token" }));
    await open(access);
    tokens.clear();
    tokens.add("second");
    await writeFile(file, "second\n");
    expect((await open(access)).via).toBe("pod web-0");
  });

  test.skipIf(process.platform === "win32")(
    "a token file that has no end is refused, and held in no memory",
    async () => {
      const server = await start({ tokens: new Set(["one"]) });
      const error = await failure(await accessTo(server.kubeconfig({ tokenFile: "/dev/zero" })));
      expect(error.code).toBe("credentials_rejected");
      expect(error.message).toContain("too large");
    },
  );

  test("a changed kubeconfig is used at the next dial", async () => {
    const first = await start({ tokens: new Set(["one"]) });
    const access = await accessTo(first.kubeconfig({ token: "two" }));
    expect(await codeOf(open(access))).toBe("credentials_rejected");
    await writeFile(join(folder, "config"), first.kubeconfig({ token: "one" }));
    await utimes(join(folder, "config"), new Date(), new Date(Date.now() + 5000));
    await open(access);
  });

  test("a server with an unknown, an expired or another name's certificate is not talked to", async () => {
    const server = await start();
    expect(await codeOf(open(await accessTo(server.kubeconfig({}, { "certificate-authority-data": undefined }))))).toBe(
      "cluster_tls_untrusted",
    );
    const expired = await start({ certificate: expiredCertificate });
    expect(await codeOf(open(await accessTo(expired.kubeconfig({}))))).toBe("cluster_certificate_expired");
    expect(await codeOf(open(await accessTo(server.kubeconfig({}, { "tls-server-name": "elsewhere.test" }))))).toBe(
      "cluster_tls_untrusted",
    );
    await open(await accessTo(server.kubeconfig({}, { "tls-server-name": "localhost" })));
    // Without its authority the context is another one to a daemon that knew it before.
    await adapter.driver.close();
    adapter = createKubernetes(realClock);
    await open(
      await accessTo(
        server.kubeconfig({}, { "certificate-authority-data": undefined, "insecure-skip-tls-verify": true }),
      ),
    );
  });

  test("nobody at the address, and somebody who is no API server", async () => {
    const server = await start();
    const kubeconfig = server.kubeconfig({});
    await server.cut();
    const error = await failure(await accessTo(kubeconfig));
    expect([error.code, error.facts["reason"]]).toEqual(["cluster_unreachable", "ECONNREFUSED"]);
  });

  test.each([
    ["none of the two allowed", [], "permission_denied"],
    ["only get", ["get"], "none"],
    ["only create", ["create"], "none"],
  ])("permission to forward: %s", async (_what, allowed, code) => {
    const server = await start({ allowed });
    const access = await accessTo(server.kubeconfig());
    expect(await codeOf(open(access))).toBe(code);
    expect(server.requests.some((request) => request.startsWith("UPGRADE"))).toBe(code === "none");
  });

  test("kubeconfig files that cannot be used", async () => {
    const at = (path: string): Access => accessWith({ KUBECONFIG: path }, folder);
    const put = async (name: string, content: string | Buffer): Promise<Access> => {
      await writeFile(join(folder, name), content);
      return at(join(folder, name));
    };
    await mkdir(join(folder, "folder"));
    expect(await codeOf(open(at(join(folder, "missing"))))).toBe("kubeconfig_missing");
    expect(await codeOf(open(accessWith({}, folder)))).toBe("kubeconfig_missing");
    expect(await codeOf(open(at(join(folder, "folder"))))).toBe("kubeconfig_invalid");
    expect(await codeOf(open(await put("binary", Buffer.from([1, 0, 2]))))).toBe("kubeconfig_invalid");
    expect(await codeOf(open(await put("broken", "a: [b\nc: }")))).toBe("kubeconfig_invalid");
    expect(await codeOf(open(await put("list", "- a\n- b")))).toBe("kubeconfig_invalid");
    expect(await codeOf(open(await put("huge", Buffer.alloc(9_000_000, 0x20))))).toBe("kubeconfig_invalid");
    expect(await codeOf(open(await put("empty", "")))).toBe("context_missing");
    expect(
      await codeOf(open(await put("dangling", "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]"))),
    ).toBe("kubeconfig_invalid");
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
      .split("")
      .map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefgh"[index]}`).join(",")}]`)
      .join("\n")}`;
    expect(await codeOf(open(await put("bomb", bomb)))).toBe("kubeconfig_invalid");
  });

  test("several files are merged: the first that names something wins", async () => {
    const server = await start({ tokens: new Set(["good"]) });
    await mkdir(join(folder, "a"));
    await writeFile(join(folder, "a", "config"), "users: [{name: test, user: {tokenFile: token}}]\ncontexts: null\n");
    await writeFile(join(folder, "a", "token"), "good");
    await writeFile(join(folder, "b"), server.kubeconfig({ token: "bad" }));
    const transport = await open(
      accessWith(
        { KUBECONFIG: `${join(folder, "a", "config")}:${join(folder, "missing")}:${join(folder, "b")}` },
        folder,
      ),
    );
    expect(transport.via).toBe("pod web-0");
  });
});
