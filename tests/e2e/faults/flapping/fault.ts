import { readFile } from "node:fs/promises";
import { testbed } from "../../../support/testbed.ts";
import { ssh } from "../declare.ts";
import { defineFault } from "../fault.ts";

export default defineFault({
  title: "a way that is cut again and again, and always comes back",
  code: "flapping",
  setUp: async (stage) => {
    const relay = await stage.relay(testbed.ssh?.bastionPort ?? 0);
    stage.notes["port"] = relay.port;
    stage.dropping = relay.drop;
    const known = await readFile(`${testbed.ssh?.clientDir}/known_hosts`, "utf8");
    const there = known.replaceAll(`]:${testbed.ssh?.bastionPort} `, `]:${relay.port} `);
    stage.notes["known"] = await stage.write("known_hosts", there);
  },
  services: (stage) => ssh({ port: Number(stage.notes["port"]), knownHosts: String(stage.notes["known"]) }),
  breakIt: async (stage) => {
    for (let drop = 0; drop < 8; drop++) {
      stage.dropping?.();
      await new Promise((resolve) => setTimeout(resolve, 2500));
    }
  },
});
