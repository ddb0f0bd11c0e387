/** A bastion that is a pod of the cluster: an SSH hop behind a port-forward, with a server that only it reaches. */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, deployment, kubectl, makeNamespace, rolledOut } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { hasKeygen, keygen } from "../support/openssh-programs.ts";
import { redisCommand } from "../support/redis-client.ts";
import { needsCluster, testbed } from "../support/testbed.ts";

const image = "testbed.local/services:1";

describe.skipIf(!testbed.kubeconfig || !hasKeygen)(
  `a bastion pod ${testbed.kubeconfig ? "" : needsCluster}`,
  { timeout: 120_000 },
  () => {
    let home: Home;
    let namespace: Awaited<ReturnType<typeof makeNamespace>>;
    let inner: string;

    const key = async (name: string): Promise<string> => {
      const file = join(home.path, ".ssh", name);
      execFileSync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      return (await readFile(`${file}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
    };

    beforeAll(async () => {
      home = await makeHome();
      namespace = await makeNamespace("pw-pod-hop");
      await mkdir(join(home.path, ".ssh"), { mode: 0o700 });
      const [own, host] = [await key("id_ed25519"), await key("host")];
      const { name } = namespace;
      // The same host key in each pod that takes another's place, as a bastion has it.
      const sshd = {
        image,
        imagePullPolicy: "IfNotPresent",
        args: ["sshd", "-h", "/keys/host"],
        env: [{ name: "AUTHORIZED_KEYS", value: own }],
        volumeMounts: [{ name: "keys", mountPath: "/keys" }],
        readinessProbe: { tcpSocket: { port: 22 }, periodSeconds: 1 },
      };
      const volumes = [{ name: "keys", secret: { secretName: "host-key", defaultMode: 0o400 } }];
      const { image: _image, args, ...container } = sshd;
      await apply(
        {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: "host-key", namespace: name },
          stringData: { host: await readFile(join(home.path, ".ssh", "host"), "utf8") },
        },
        deployment(name, "jump", { image, args, container, pod: { volumes, terminationGracePeriodSeconds: 0 } }),
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "inner", namespace: name },
          spec: {
            terminationGracePeriodSeconds: 0,
            volumes,
            containers: [
              { name: "sshd", ...sshd },
              { name: "redis", image, imagePullPolicy: "IfNotPresent", args: ["redis"] },
            ],
          },
        },
      );
      await rolledOut(name, "jump");
      await kubectl("wait", "-n", name, "--for=condition=Ready", "pod/inner", "--timeout=60s");
      inner = (await kubectl("get", "pod", "inner", "-n", name, "-o", "jsonpath={.status.podIP}")).trim();
      await writeFile(join(home.path, ".ssh", "known_hosts"), `jump ${host}\n${inner} ${host}\n`);
      await home.configure(`version: "1.0"
services:
  - name: jump
    technology: kubernetes
    remote_port: 22
    connection: {context: testbed, namespace: ${name}, resource_type: deployment, resource_name: jump}
    health_check: {type: ssh, interval: 1s}
  - name: cache
    technology: ssh
    remote_port: 6379
    connection: {host: ${inner}, user: root, remote_host: 127.0.0.1}
    health_check: {type: redis, interval: 1s}
    via: [root@jump]
`);
    }, 120_000);
    afterAll(async () => {
      await home[Symbol.asyncDispose]();
      await namespace[Symbol.asyncDispose]();
    });

    // Answers are records whose keys the tests name.
    // oxlint-disable-next-line typescript/no-explicit-any
    const call = async (tool: string, args: object): Promise<Record<string, any>> => {
      const env = { KUBECONFIG: testbed.kubeconfig ?? "" };
      return JSON.parse((await home.cli(["call", tool, JSON.stringify(args)], env)).stdout) as Record<string, unknown>;
    };

    test("[ssh-mixed-hops] is a hop like any other, and its pod may be replaced", async () => {
      const started = await call("start_environment", { services: ["cache"] });
      const row = started["services"].find(({ service }: { service: string }) => service === "cache");
      expect(row).toMatchObject({ state: "ready" });
      const port = Number(row.endpoint.split(":").at(-1));
      expect(await redisCommand(port, "PING")).toBe("+PONG");

      await kubectl("delete", "pod", "-n", namespace.name, "-l", "app=jump", "--wait=false");
      const answers = (): Promise<string> => redisCommand(port, "PING", 20_000).catch(String);
      await eventually(async () => (await answers()) === "+PONG", 60_000, 200);
      await rolledOut(namespace.name, "jump");
      const readyNames = async (): Promise<unknown[]> =>
        (await call("get_status", {}))["ready"]?.rows.map(([service]: [string]) => service) ?? [];
      await eventually(async () => (await readyNames()).includes("cache"), 30_000, 500);
      expect(await redisCommand(port, "PING", 20_000)).toBe("+PONG");
    });
  },
);
