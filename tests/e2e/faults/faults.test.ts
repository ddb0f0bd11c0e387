import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, kubectl, makeNamespace, rolledOut } from "../../support/cluster.ts";
import { eventually } from "../../support/eventually.ts";
import { makeHome, type Home } from "../../support/home.ts";
import { clients, type McpClient } from "../../support/mcp-clients.ts";
import { assertNextStepsValid } from "../../support/next-steps.ts";
import { needsCluster, needsSsh, testbed } from "../../support/testbed.ts";
import { faults, kubeconfigs, manifests, type Fault } from "./staged.ts";

const there = testbed.kubeconfig !== undefined && testbed.ssh !== undefined;

describe.skipIf(!there)(`staged faults ${there ? "" : `${needsCluster} ${needsSsh}`}`, () => {
  let namespace: Awaited<ReturnType<typeof makeNamespace>>;
  let home: Home;
  const results: string[] = [];

  beforeAll(async () => {
    home = await makeHome();
    namespace = await makeNamespace("pw-faults");
    await apply(...manifests(namespace.name));
    const { clusters, users } = JSON.parse(await kubectl("config", "view", "--raw", "-o", "json")) as {
      clusters: { name: string; cluster: object }[];
      users: { name: string; user: object }[];
    };
    const good = { cluster: clusters[0]?.cluster ?? {}, user: users.find(({ name }) => name === "admin")?.user ?? {} };
    for (const [file, config] of Object.entries(kubeconfigs(good)))
      await writeFile(join(home.path, file), JSON.stringify(config));
    await Promise.all(["web", "db"].map((name) => rolledOut(namespace.name, name)));
    await eventually(async () => (await podsInTrouble(namespace.name)) || undefined, 90_000, 500);
  }, 180_000);
  afterAll(async () => {
    await namespace?.[Symbol.asyncDispose]();
    await home?.[Symbol.asyncDispose]();
    process.stderr.write(`${results.join("\n")}\n`);
  });

  test.each(faults("NAMESPACE", "HOME").map(({ name, code }) => [name, code ?? "nothing"] as const))(
    "[fault] %s → %s",
    async (name) => {
      const fault = faults(namespace.name, home.path).find((one) => one.name === name) as Fault;
      await home.configure(`version: "1.0"\nservices:\n  - name: it\n    ${fault.service}\n`);
      const connect = clients.get("client 2.x, 2026-07-28");
      const client = await (connect as NonNullable<typeof connect>)(
        home.mcp({ KUBECONFIG: testbed.kubeconfig ?? "", ...fault.env }),
      );
      try {
        await expectDiagnosis(client, fault);
      } finally {
        await client.callTool("stop_environment", { force: true });
        await client.close();
        await home.cli(["daemon", "stop"]);
      }
    },
  );

  async function expectDiagnosis(client: McpClient, fault: Fault): Promise<void> {
    await client.callTool("start_environment", {});
    const startedMs = performance.now();
    const { answer } = await client.callTool("diagnose", { service: "it" });
    const tookMs = Math.round(performance.now() - startedMs);
    const found = (answer["root_cause"] as { code: string } | undefined)?.code;
    results.push(
      `${fault.name} | ${fault.code ?? "-"} | ${found ?? "-"} | ${tookMs} ms | ${Math.ceil(JSON.stringify(answer).length / 4)} tokens`,
    );
    expect({ found, summary: answer["summary"] }).toMatchObject({ found: fault.code });
    expect(answer["healthy"]).toBe(fault.code === undefined);
    assertNextStepsValid(answer);
  }
});

/** Whether the pods that are to be in trouble have come to it: the scheduler and the kubelet take their time. */
async function podsInTrouble(namespace: string): Promise<boolean> {
  const { items } = JSON.parse(await kubectl("get", "pods", "-n", namespace, "-o", "json")) as {
    items: {
      metadata: { labels: { app: string } };
      status: {
        containerStatuses?: ContainerStatus[];
        initContainerStatuses?: ContainerStatus[];
        conditions?: { type: string; reason?: string }[];
      };
    }[];
  };
  const of = (app: string): (typeof items)[number]["status"] | undefined =>
    items.find((pod) => pod.metadata.labels.app === app)?.status;
  const main = (app: string): ContainerStatus | undefined => of(app)?.containerStatuses?.[0];
  const waiting = (app: string, pattern: RegExp): boolean => pattern.test(main(app)?.state?.waiting?.reason ?? "");
  return (
    waiting("unpullable", /Image/) &&
    waiting("crashing", /CrashLoop/) &&
    waiting("misconfigured", /CreateContainerConfigError/) &&
    waiting("hungry", /CrashLoop/) &&
    main("hungry")?.lastState?.terminated?.reason === "OOMKilled" &&
    /CrashLoop/.test(of("initfailing")?.initContainerStatuses?.[0]?.state?.waiting?.reason ?? "") &&
    main("unready")?.state?.running !== undefined &&
    of("homeless")?.conditions?.some(({ reason }) => reason === "Unschedulable") === true
  );
}

interface ContainerStatus {
  readonly state?: { readonly waiting?: { readonly reason: string }; readonly running?: object };
  readonly lastState?: { readonly terminated?: { readonly reason: string } };
}
