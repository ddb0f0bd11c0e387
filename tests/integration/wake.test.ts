import { expect, test } from "vitest";
import { ConnectivityError } from "#domain/connectivity-error.ts";
import { eventually } from "../support/eventually.ts";
import { makePortwright, redisCheck, serviceYaml } from "../support/portwright.ts";
import { startRespServer } from "../support/resp-server.ts";

test("[wake] another network: services that wait are dialled at once, those that are up are checked, and it is told", async () => {
  await using server = await startRespServer();
  let addresses = "eth0 10.0.0.2/24";
  await using portwright = await makePortwright({ addresses: { fingerprint: () => addresses } });
  const keys = `${redisCheck}, restart_policy: {initial_delay: 60s, max_delay: 60s}`;
  await portwright.configure(["one", "two"].map((name) => serviceYaml(name, server.port, keys)));
  const client = await portwright.connect();
  await client.call("startEnvironment", {});
  // The network goes, and with it the ways; the next dial is a minute away.
  portwright.driver.refuseWith = new ConnectivityError("host_unreachable", "there is no network");
  portwright.driver.cut();
  const state = async (): Promise<unknown> => (await client.call("getStatus", {}))["state"];
  await eventually(async () => (await state()) !== "ready", 5000, 50);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  portwright.driver.refuseWith = undefined;
  addresses = "eth0 192.168.1.7/24";
  await eventually(async () => (await state()) === "ready", 5000, 50);
  const { text } = await client.call("query", { source: "events" }).then((told) => ({ text: JSON.stringify(told) }));
  expect(text).toContain("the network addresses of this machine changed");
});
