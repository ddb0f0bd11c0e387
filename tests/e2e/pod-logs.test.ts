import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apply, deployment, kubectl, makeNamespace, service } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { makeHome, type Home } from "../support/home.ts";
import { needsCluster, testbed } from "../support/testbed.ts";

const there = testbed.kubeconfig !== undefined;

interface LogAnswer {
  readonly summary: string;
  readonly rows: readonly { readonly container: string; readonly previous?: boolean; readonly lines: number }[];
  readonly untrusted?: { readonly text: string };
  readonly next_cursor?: string;
  readonly total: number;
}

describe.skipIf(!there)(`logs of the service's own pods ${there ? "" : needsCluster}`, () => {
  let namespace: Awaited<ReturnType<typeof makeNamespace>>;
  let home: Home;
  const env = { KUBECONFIG: testbed.kubeconfig ?? "" };
  const query = async (args: object): Promise<LogAnswer> => {
    const { stdout } = await home.cli(["call", "query", JSON.stringify({ source: "logs", ...args })], env);
    return JSON.parse(stdout) as LogAnswer;
  };

  beforeAll(async () => {
    namespace = await makeNamespace("pw-logs");
    const { name } = namespace;
    // It crashes once, and stays after that.
    const script =
      "if [ -e /m/once ]; then echo back again; exec sleep 600; fi; touch /m/once; for i in $(seq 1 300); do echo line $i of the boot; done; echo token=abc123secret; sleep 2; echo the last words; exit 3";
    await apply(
      deployment(name, "crash", {
        container: { command: ["/bin/sh", "-c", script], volumeMounts: [{ name: "m", mountPath: "/m" }] },
        pod: { volumes: [{ name: "m", emptyDir: {} }] },
      }),
      service(name, "crash", 80, 8080),
    );
    home = await makeHome();
    await home.configure(`version: "1.0"
services:
  - name: crash
    technology: kubernetes
    remote_port: 80
    connection: {context: testbed, namespace: ${name}, resource_name: crash}
`);
    const restarts = "{.items[0].status.containerStatuses[0].restartCount}";
    await eventually(
      async () => Number(await kubectl("get", "pods", "-n", name, "-o", `jsonpath=${restarts}`)) >= 1,
      60_000,
      500,
    );
  }, 90_000);
  afterAll(async () => {
    await home[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
  });

  test("[query-logs] by time and text, the container before the restart too, redacted, in pages", async () => {
    const all = await query({ service: "crash" });
    expect(all.rows.some(({ previous }) => previous === true)).toBe(true);
    expect(all.total).toBeGreaterThanOrEqual(300);
    const words = await query({ service: "crash", match: "LAST words" });
    expect(words.untrusted?.text).toContain("(before its restart) the last words");
    const token = await query({ service: "crash", match: "token" });
    expect(token.untrusted?.text).toContain("token=***");
    expect(JSON.stringify(token)).not.toContain("abc123secret");
    expect(all.next_cursor).toBeDefined();
    const older = await query({ service: "crash", cursor: all.next_cursor });
    expect(older.untrusted?.text).not.toBe(all.untrusted?.text);
    expect((await query({ service: "crash", until: "1h" })).total).toBe(0);
    const people = await home.cli(["logs", "crash", "--since", "10m", "--match", "last words"], env);
    expect(people).toMatchObject({ code: 0 });
    expect(people.stdout).toContain("the last words");
  });
});
