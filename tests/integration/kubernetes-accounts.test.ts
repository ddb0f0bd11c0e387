import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Access } from "#application/ports/access.ts";
import type { Transport } from "#application/ports/forward-driver.ts";
import type { ConnectivityError } from "#domain/connectivity-error.ts";
import { loginCommand } from "#domain/kubernetes/login-advice.ts";
import { createKubernetes, type KubernetesAdapter } from "#adapters/kubernetes/index.ts";
import { ApiServer, type ApiServerOptions } from "../support/api-server.ts";
import { accessWith, codeOf, kubernetesService, realClock } from "../support/kubernetes-access.ts";
import { expiredCertificate, serverCertificate } from "../support/test-certificates.ts";

const service = kubernetesService({ resource_type: "pod", resource_name: "web-0" }, 80);
const signal = AbortSignal.timeout(60_000);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("[kubernetes-accounts] accounts of a kubeconfig and of a pod", () => {
  let folder: string;
  let adapter: KubernetesAdapter;
  let server: ApiServer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "portwright-kube-"));
    adapter = createKubernetes(realClock, { accountFolder: join(folder, "account") });
  });
  afterEach(async () => {
    await adapter.driver.close();
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  async function start(options: ApiServerOptions = {}): Promise<void> {
    server = await ApiServer.start(options);
    server.putPod("web-0");
  }

  async function accessTo(user: unknown, environment: Readonly<Record<string, string>> = {}): Promise<Access> {
    const file = join(folder, "config");
    await writeFile(file, server.kubeconfig(user));
    return accessWith({ KUBECONFIG: file, PATH: "/usr/bin:/bin", ...environment }, folder);
  }

  const open = (access: Access): Promise<Transport> => adapter.driver.open(service, { access, signal });
  const failure = (access: Access): Promise<ConnectivityError> =>
    open(access).then(
      () => expect.unreachable("it was opened"),
      (error: unknown) => error as ConnectivityError,
    );

  async function plugin(body: string): Promise<string> {
    const path = join(folder, "plugin.sh");
    await writeFile(path, `#!/bin/sh\necho run >> ${join(folder, "runs")}\n${body}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const runs = async (): Promise<number> =>
    (await readFile(join(folder, "runs"), "utf8").catch(() => "")).split("\n").length - 1;
  const exec = (command: string, more: object = {}) => ({
    exec: { apiVersion: "client.authentication.k8s.io/v1beta1", command, ...more },
  });
  const answer = (status: object): string =>
    `printf '%s' '${JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1beta1", kind: "ExecCredential", status })}'`;

  test("without a kubeconfig the account of the pod is used, and its token read again when it is rotated", async () => {
    const tokens = new Set(["first"]);
    await start({ tokens });
    await mkdir(join(folder, "account"));
    await writeFile(join(folder, "account", "token"), "first");
    await writeFile(join(folder, "account", "ca.crt"), serverCertificate.cert);
    await writeFile(join(folder, "account", "namespace"), "default\n");
    const { port } = new URL(server.url);
    const access = accessWith({ KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: port }, folder);
    expect((await open(access)).facts()).toMatchObject({ context: "in-cluster" });
    tokens.clear();
    tokens.add("second one");
    await writeFile(join(folder, "account", "token"), "second one");
    expect((await open(access)).via).toBe("pod web-0");
    expect(await codeOf(open(accessWith({}, folder)))).toBe("kubeconfig_missing");
  });

  test("somebody else's name, groups and further keys are headers of their own", async () => {
    await start();
    const user = { as: "dev", "as-uid": "7", "as-groups": ["a", "b,c"], "as-user-extra": { "x/y": ["1", "2"] } };
    await open(await accessTo(user));
    const sent = server.headers.flatMap((name, index, all) =>
      index % 2 === 0 && name.startsWith("Impersonate") ? [`${name}: ${all[index + 1]}`] : [],
    );
    expect(sent).toEqual([
      "Impersonate-User: dev",
      "Impersonate-Uid: 7",
      "Impersonate-Group: a",
      "Impersonate-Group: b,c",
      "Impersonate-Extra-x%2Fy: 1",
      "Impersonate-Extra-x%2Fy: 2",
    ]);
  });

  test("a token in the kubeconfig wins over a plugin, and stands in for a file that cannot be read", async () => {
    await start({ tokens: new Set(["good"]) });
    await open(await accessTo({ ...exec(await plugin("exit 1")), token: "good" }));
    expect(await runs()).toBe(0);
    await open(await accessTo({ tokenFile: "nowhere", token: "good" }));
  });

  test("a plugin's client certificate is used, and a plugin that knows only v1beta1 is asked in it", async () => {
    await start();
    const { cert, key } = serverCertificate;
    const status = { clientCertificateData: cert, clientKeyData: key };
    await writeFile(join(folder, "answer"), answer(status).replace("printf '%s' '", "").slice(0, -1));
    const transport = await open(await accessTo(exec(await plugin(`cat ${join(folder, "answer")}`))));
    expect(transport.expiries?.()[0]).toMatchObject({
      what: "credential of the plugin of context test (renewed by itself)",
    });
  });

  test("a plugin whose fresh credential is refused too is not run for every dial", async () => {
    await start({ tokens: new Set(["good"]) });
    const access = await accessTo(exec(await plugin(answer({ token: "bad" }))));
    expect((await failure(access)).code).toBe("credentials_rejected");
    const first = await runs();
    expect(first).toBe(2);
    for (let dial = 0; dial < 5; dial++) await failure(access);
    expect(await runs()).toBe(first);
  });

  test("a plugin that hangs with its children is ended, and what it knows of the cluster is complete", async () => {
    await start({ tokens: new Set(["good"]) });
    const authority = join(folder, "authority.pem");
    await writeFile(authority, serverCertificate.cert);
    const path = await plugin(
      `printf '%s' "$KUBERNETES_EXEC_INFO" > ${join(folder, "info")}\n${answer({ token: "good" })}`,
    );
    const file = join(folder, "config");
    const cluster = { "certificate-authority-data": undefined, "certificate-authority": authority };
    await writeFile(file, server.kubeconfig(exec(path, { provideClusterInfo: true }), cluster));
    await open(accessWith({ KUBECONFIG: file, PATH: "/usr/bin:/bin" }, folder));
    expect(JSON.parse(await readFile(join(folder, "info"), "utf8"))).toMatchObject({
      apiVersion: "client.authentication.k8s.io/v1beta1",
      spec: { cluster: { "certificate-authority-data": base64(serverCertificate.cert) } },
    });
    const hanging = await accessTo(exec(await plugin("sleep 300 & sleep 300")));
    const opening = codeOf(open(hanging));
    await expect.poll(runs).toBe(2);
    await adapter.driver.close();
    expect(["cancelled", "credential_plugin_failed"]).toContain(await opening);
  });

  test("what ends about a credential is told: a token's exp, a certificate's notAfter", async () => {
    await start();
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const token = `x.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.x`;
    const user = {
      token,
      "client-certificate-data": base64(serverCertificate.cert),
      "client-key-data": base64(serverCertificate.key),
    };
    const ends = (await open(await accessTo(user))).expiries?.();
    expect(ends).toMatchObject([
      { what: "token of context test", atMs: exp * 1000 },
      { what: "client certificate of context test" },
    ]);
    expect((await open(await accessTo({ token: "opaque" }))).expiries?.()).toEqual([]);
  });

  test("an expired client certificate, and a provider that is gone, say what to do", async () => {
    await start({ tokens: new Set() });
    const user = {
      "client-certificate-data": base64(expiredCertificate.cert),
      "client-key-data": base64(expiredCertificate.key),
    };
    expect((await failure(await accessTo(user))).code).toBe("credentials_expired");
    const gone = await failure(await accessTo({ "auth-provider": { name: "gcp" } }));
    expect([gone.code, gone.facts["advice"]]).toEqual([
      "not_supported",
      expect.stringContaining("gke-gcloud-auth-plugin"),
    ]);
  });

  test("a cluster whose certificate is not checked says so", async () => {
    await start();
    const file = join(folder, "config");
    const cluster = { "certificate-authority-data": undefined, "insecure-skip-tls-verify": true };
    await writeFile(file, server.kubeconfig(undefined, cluster));
    const transport = await open(accessWith({ KUBECONFIG: file }, folder));
    expect(transport.facts()).toMatchObject({ tls_verified: false });
  });

  test("the login behind a plugin is known by its name, never by its arguments' text", async () => {
    await start();
    expect(loginCommand("/opt/aws", ["eks", "get-token", "--profile", "dev"], {})).toBe("aws sso login --profile dev");
    expect(loginCommand("aws", ["--profile=dev"], {})).toBe("aws sso login --profile dev");
    expect(loginCommand("aws", [], { AWS_PROFILE: "other" })).toBe("aws sso login --profile other");
    expect(loginCommand("aws", ["--profile", "x; rm -rf /"], {})).toBe("aws sso login");
    expect(["gke-gcloud-auth-plugin", "kubelogin", "tsh", "mine"].map((name) => loginCommand(name, [], {}))).toEqual([
      "gcloud auth login",
      "az login",
      "tsh login",
      undefined,
    ]);
  });
});
