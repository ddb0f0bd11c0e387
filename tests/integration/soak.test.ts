import { describe, expect, test } from "vitest";
import { kubernetesSoak } from "../support/soak/kubernetes-way.ts";
import { leftOver, openFiles, soak, type SoakOptions, type Way } from "../support/soak/soak.ts";
import { sshWay } from "../support/soak/ssh-way.ts";
import { hasSshd } from "../support/sshd.ts";
import { testbedKubeconfig } from "../support/testbed-cluster.ts";

const options: SoakOptions = {
  seed: 7,
  forMs: 6000,
  clients: 6,
  burst: 20,
  patienceMs: 20_000,
  graceMs: 12_000,
};

/** What is there before and may stay: warm connections. */
const warm = 16;

/** Lets them loose. @returns failures, and open files that are left over */
async function run(way: Way): Promise<readonly [failures: readonly string[], left: number]> {
  const before = openFiles();
  const { failures, connections } = await soak(way, options);
  expect(connections).toBeGreaterThan(10);
  return [failures, await leftOver(before + warm, 45_000)];
}

/** The long one, with what breaks on the way, is `npm run bench -- soak`. */
describe("random clients: each gets its own bytes and its target's end, and nothing hangs", () => {
  test.skipIf(!hasSshd)(
    "[soak] by SSH (skipped where /usr/sbin/sshd is not installed)",
    async () => {
      await using way = await sshWay("ssh2", false);
      expect(await run(way)).toEqual([[], 0]);
    },
    90_000,
  );

  test.skipIf(testbedKubeconfig === undefined)(
    "[soak] by Kubernetes (needs TESTBED_KUBECONFIG)",
    async () => {
      await using cluster = await kubernetesSoak(testbedKubeconfig ?? "");
      await using way = await cluster.way("websocket", false);
      expect(await run(way)).toEqual([[], 0]);
    },
    150_000,
  );
});
