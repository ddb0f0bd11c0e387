import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  agnhost,
  apply,
  deployment,
  makeNamespace,
  postgresDeployment,
  rolledOut,
  service,
} from "../support/cluster.ts";
import { makeHome, type Home } from "../support/home.ts";
import { needsCluster, needsSsh, testbed } from "../support/testbed.ts";

// Answers are records whose keys the tests name.
// oxlint-disable-next-line typescript/no-explicit-any
type Told = Record<string, any>;

describe.skipIf(!testbed.kubeconfig)(
  `a real cluster is searched and connected ${testbed.kubeconfig ? "" : needsCluster}`,
  () => {
    let namespace: Awaited<ReturnType<typeof makeNamespace>>;
    let home: Home;

    beforeAll(async () => {
      namespace = await makeNamespace("pw-connect");
      const { name } = namespace;
      await apply(
        postgresDeployment(name, "orders-db"),
        service(name, "orders-db", 5432),
        deployment(name, "web", {
          image: agnhost,
          args: ["netexec", "--http-port=8080"],
          container: { resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } } },
        }),
        service(name, "web", 80, 8080),
      );
      await Promise.all([rolledOut(name, "orders-db"), rolledOut(name, "web")]);
    }, 120_000);
    afterAll(async () => namespace[Symbol.asyncDispose]());
    beforeEach(async () => {
      home = await makeHome();
    });
    afterEach(async () => home[Symbol.asyncDispose]());

    async function call(tool: string, args: object, env: Record<string, string> = {}): Promise<Told> {
      const { stdout, stderr } = await home.cli(["call", tool, JSON.stringify(args)], {
        KUBECONFIG: testbed.kubeconfig ?? "",
        ...env,
      });
      if (stdout === "") throw new Error(stderr);
      return JSON.parse(stdout) as Told;
    }

    test("[connect] 'postgres in NAMESPACE' is found, forwarded and answers in its protocol, without a file", async () => {
      const answer = await call("connect", { target: "postgres", context: "testbed", namespace: namespace.name });
      expect(answer).toMatchObject({
        state: "ready",
        service: "orders-db",
        target: `testbed/${namespace.name}/service/orders-db:5432`,
        saved: false,
      });
      expect(answer["verified"].by).toMatch(/^postgres/);
      expect(answer["env"].map(({ name }: { name: string }) => name)).toEqual(["PGHOST", "PGPORT", "DATABASE_URL"]);
      const status = await call("get_status", {});
      expect([status["state"], status["ready"].rows[0][0]]).toEqual(["ready", "orders-db"]);
      expect(await call("stop_environment", { services: ["orders-db"] })).toMatchObject({ stopped: ["orders-db"] });
    });

    test("[discover-targets] services, workloads and pods with readiness; the viewer reads the same", async () => {
      for (const context of ["testbed", "testbed-viewer"]) {
        const found = await call("discover_targets", { context, namespace: namespace.name });
        expect(found["targets"].map(({ target, pods_ready }: Told) => [target, pods_ready])).toEqual(
          expect.arrayContaining([
            [`${context}/${namespace.name}/service/web:80`, "1 of 1"],
            [`${context}/${namespace.name}/service/orders-db:5432`, "1 of 1"],
            [`${context}/${namespace.name}/deployment/web`, "1 of 1"],
          ]),
        );
      }
      const best = await call("discover_targets", { query: `orders db in ${namespace.name}` });
      expect(best["targets"][0].target).toBe(`testbed/${namespace.name}/service/orders-db:5432`);
    });

    test("[kubernetes-accounts] who may list and not forward is told the verb and the resource before any client connects", async () => {
      const answer = await call("connect", { target: `testbed-viewer/${namespace.name}/service/web:80` });
      expect(answer).toMatchObject({
        state: "failed",
        code: "permission_denied",
        facts: { verb: "create", resource: "pods/portforward", namespace: namespace.name },
      });
      expect(answer["user_steps"][0].what).toContain("create on pods/portforward");
    });

    test("[cluster-metadata] version, nodes, owners, requests and usage by the kubelet's summary", async () => {
      await home.configure(`version: "1.0"
services:
  - {name: web, technology: kubernetes, remote_port: 80, connection: {context: testbed, namespace: ${namespace.name}, resource_name: web}}
`);
      const status = await call("get_status", { include: ["metadata"] });
      const cluster: Told = status["metadata"][0];
      expect(cluster).toMatchObject({ context: "testbed", nodes_ready: "1 of 1", usage_from: "kubelet summary" });
      expect(cluster["version"]).toMatch(/^v1\./);
      const pod: Told = cluster["services"][0].pods[0];
      expect(pod).toMatchObject({
        ready: true,
        services: ["web"],
        requests: { cpu: "10m", memory: "16Mi" },
        limits: { memory: "64Mi" },
      });
      expect(pod["owners"][0]).toBe("deployment/web");
      expect(pod["usage"].memory).toMatch(/^[\d.]+[KM]i$/);
    });

    test("[kubernetes-accounts] a cluster whose certificate is not checked is a warning in status and diagnosis", async () => {
      const text = await readFile(testbed.kubeconfig ?? "", "utf8");
      const kubeconfig = join(home.path, "insecure");
      await writeFile(
        kubeconfig,
        text.replaceAll(/certificate-authority(-data)?: [^,}\n]*/g, "insecure-skip-tls-verify: true"),
      );
      await call("connect", { target: `testbed/${namespace.name}/service/web:80` }, { KUBECONFIG: kubeconfig });
      const warnings = [expect.stringContaining("insecure-skip-tls-verify")];
      expect(await call("get_status", {}, { KUBECONFIG: kubeconfig })).toMatchObject({ warnings });
      expect(await call("diagnose", { service: "web" }, { KUBECONFIG: kubeconfig })).toMatchObject({
        healthy: true,
        warnings,
      });
    });

    test("[plan-targets] a plan says what its services would lead to, and which would not come up", async () => {
      await home.configure('version: "1.0"\nservices: []\n');
      const kubernetes = (resource_name: string, more: object = {}) => ({
        technology: "kubernetes",
        remote_port: 80,
        connection: { context: "testbed", namespace: namespace.name, resource_name, ...more },
      });
      const plan = await call("configure_service", {
        changes: [
          { service: "web", set: kubernetes("web") },
          { service: "wbe", set: kubernetes("wbe") },
          { service: "seen", set: kubernetes("web", { context: "testbed-viewer" }) },
        ],
      });
      expect(plan["checked"]).toContain("get,create pods/portforward allowed");
      expect(plan["changes"].map(({ resolved }: Told) => resolved)).toEqual([
        expect.stringMatching(new RegExp(`^service web in ${namespace.name}: pod web-.*, port 8080$`)),
        undefined,
        undefined,
      ]);
      expect(plan["unreached"].map(({ service: name, code }: Told) => [name, code]).toSorted()).toEqual([
        ["seen", "permission_denied"],
        ["wbe", "resource_missing"],
      ]);
      expect(plan["summary"]).toContain("would not come up");
      expect(plan["plan_id"]).toEqual(expect.any(String));
    });

    test.skipIf(!testbed.ssh)(
      `[kubernetes-ways] the API server is reached through an SSH host ${testbed.ssh ? "" : needsSsh}`,
      async () => {
        await home.configure(`version: "1.0"
services:
  - name: bastion
    technology: ssh
    remote_port: ${testbed.ssh?.targetPort}
    connection:
      host: 127.0.0.1
      port: ${testbed.ssh?.bastionPort}
      user: ${testbed.ssh?.user}
      key_file: ${testbed.ssh?.clientDir}/id_plain
      known_hosts_file: ${testbed.ssh?.clientDir}/known_hosts
  - name: web
    technology: kubernetes
    remote_port: 80
    connection: {context: testbed, namespace: ${namespace.name}, resource_name: web}
    health_check: {type: http, config: {path: /healthz}}
    via: [bastion]
`);
        const answer = await call("start_environment", { services: ["web"] });
        expect(answer["services"][0]).toMatchObject({ service: "web", state: "ready" });
      },
    );
  },
);
