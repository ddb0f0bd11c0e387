import { describe, expect, test } from "vitest";
import { kubernetesSoak } from "../support/soak/kubernetes-way.ts";
import { leftOver, openFiles, soak, type SoakOptions, type Way } from "../support/soak/soak.ts";
import { sshWay } from "../support/soak/ssh-way.ts";
import { hasSshd } from "../support/sshd.ts";
import { testbedKubeconfig } from "../support/testbed-cluster.ts";

const options: SoakOptions = {
  seed: 7,
  forMs: 4500,
  clients: 6,
  burst: 20,
  patienceMs: 20_000,
  graceMs: 12_000,
};

/** What is opened once and kept, whatever the clients do. */
const kept = 8;

async function soakAndClose(way: Way & AsyncDisposable): Promise<Awaited<ReturnType<typeof soak>>> {
  try {
    return await soak(way, options);
  } finally {
    await way[Symbol.asyncDispose]();
  }
}

/** Lets them loose. @returns failures, and open files that are left over once the way is closed */
async function run(open: () => Promise<Way & AsyncDisposable>): Promise<readonly [readonly string[], number]> {
  const before = openFiles();
  const way = await open();
  const { failures, connections } = await soakAndClose(way);
  expect(connections).toBeGreaterThan(10);
  return [failures, await leftOver(before + kept, 5000)];
}

/** The long one, with what breaks on the way, is `npm run bench -- soak`. */
describe("random clients: each gets its own bytes and its target's end, and nothing hangs", () => {
  test.skipIf(!hasSshd)(
    "[soak] by SSH (skipped where /usr/sbin/sshd is not installed)",
    async () => {
      expect(await run(() => sshWay("ssh2", false))).toEqual([[], 0]);
    },
    90_000,
  );

  test.skipIf(testbedKubeconfig === undefined)(
    "[soak] by Kubernetes (needs TESTBED_KUBECONFIG)",
    async () => {
      await using cluster = await kubernetesSoak(testbedKubeconfig ?? "");
      expect(await run(() => cluster.way("websocket", false))).toEqual([[], 0]);
    },
    150_000,
  );
});
