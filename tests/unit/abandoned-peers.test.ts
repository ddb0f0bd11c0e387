import { expect, test } from "vitest";
import { AbandonedPeers } from "#adapters/net/abandoned-peer.ts";

test("a long table is read by one look at a time, however many ask meanwhile", async () => {
  let [running, most, looks] = [0, 0, 0];
  const peers = new AbandonedPeers(async () => {
    looks++;
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 150));
    running--;
    return new Set();
  });
  const answers: Promise<boolean>[] = [];
  for (let asked = 0; asked < 12; asked++) {
    answers.push(peers.abandoned(40_000 + asked, 5432, "IPv4"));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await answers[0]).toBe(true);
  expect(most).toBe(1);
  expect(looks).toBe(1);
  // Those that asked after it had begun wait for the next, which comes after a rest.
}, 20_000);
