import { expect, test } from "vitest";
import { SshTransport } from "#adapters/ssh/forward/transport.ts";

test("[ssh-handed-once] a connect that is given up is ended by its driver before anybody else gets its client", async () => {
  const told: string[] = [];
  const transport = new SshTransport({
    via: "ssh bastion",
    connect: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          told.push("ended");
          reject(signal.reason);
        });
      }),
    facts: () => ({}),
    expiries: () => [],
    closed: new Promise(() => {}),
    release: () => told.push("released"),
  });
  const connecting = transport.connect({ signal: new AbortController().signal }).catch((error: unknown) => {
    told.push("rejected");
    return error;
  });
  transport.destroy();
  expect(await connecting).toMatchObject({ code: "connection_lost" });
  expect(told).toEqual(["ended", "released", "rejected"]);
});
